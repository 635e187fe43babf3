//! Properties of the module that do not depend on its host: helpers never allocate, and their errors end the caller's wait.

use js_sys::{Array, Function, Int32Array, Object, Reflect, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::files::{files, global};

/// An instance of the threaded module.
struct Instance {
    exports: JsValue,
}

impl Instance {
    fn get(&self, name: &str) -> JsValue {
        Reflect::get(&self.exports, &name.into()).unwrap()
    }

    fn call(&self, name: &str, arguments: &[u32]) -> Result<f64, JsValue> {
        let function: Function = self.get(name).unchecked_into();
        let arguments: Array = arguments
            .iter()
            .map(|number| JsValue::from(*number))
            .collect();
        let value = function.apply(&JsValue::UNDEFINED, &arguments)?;
        Ok(value.as_f64().unwrap_or_default())
    }
}

/// Returns two instances on the same memory: the caller's, and one that runs on the stack of helper 1.
async fn instances() -> (Instance, Instance) {
    let fetch: Function = global("fetch").unchecked_into();
    let response = fetch.call1(&JsValue::UNDEFINED, &files().threaded.into());
    let response = response.unwrap().unchecked_into();
    let module = JsFuture::from(WebAssembly::compile_streaming(&response));
    let module: WebAssembly::Module = module.await.unwrap().unchecked_into();
    let descriptor = Object::new();
    for (name, value) in [("initial", 64), ("maximum", 65_536)] {
        Reflect::set(&descriptor, &name.into(), &value.into()).unwrap();
    }
    Reflect::set(&descriptor, &"shared".into(), &true.into()).unwrap();
    let memory = WebAssembly::Memory::new(&descriptor).unwrap();
    let words = Int32Array::new(&memory.buffer());
    let environment = Object::new();
    let bound = |object: &JsValue, name: &str, arguments: &Array| {
        let function: Function = Reflect::get(object, &name.into()).unwrap().unchecked_into();
        let bind: Function = Reflect::get(&function, &"bind".into())
            .unwrap()
            .unchecked_into();
        bind.apply(&function, arguments).unwrap()
    };
    let (atomics, performance) = (global("Atomics"), global("performance"));
    let waiting = Array::of2(&atomics, &words);
    for (name, value) in [
        ("memory", memory.into()),
        ("now", bound(&performance, "now", &Array::of1(&performance))),
        ("wait", bound(&atomics, "wait", &waiting)),
        ("notify", bound(&atomics, "notify", &waiting)),
    ] {
        Reflect::set(&environment, &name.into(), &value).unwrap();
    }
    let imports = Object::new();
    Reflect::set(&imports, &"env".into(), &environment).unwrap();
    let instance = || {
        let instance = WebAssembly::Instance::new(&module, &imports).unwrap();
        Instance {
            exports: instance.exports().into(),
        }
    };
    let (caller, helper) = (instance(), instance());
    let top = helper.call("stack_top", &[1]).unwrap();
    Reflect::set(&helper.get("__stack_pointer"), &"value".into(), &top.into()).unwrap();
    (caller, helper)
}

#[wasm_bindgen_test]
async fn helper_that_allocates_is_stopped() {
    let (caller, helper) = instances().await;
    assert!(caller.call("allocate", &[100]).unwrap() > 0.0);
    let error = helper.call("allocate", &[100]).unwrap_err();
    assert!(error.is_instance_of::<WebAssembly::RuntimeError>());
    // The allocator of the caller still works.
    assert!(caller.call("allocate", &[100]).unwrap() > 0.0);
}

#[wasm_bindgen_test]
async fn each_helper_has_a_stack_of_its_own() {
    let (caller, _) = instances().await;
    let tops: Vec<f64> = (1..=31)
        .map(|thread| caller.call("stack_top", &[thread]).unwrap())
        .collect();
    assert!(tops.windows(2).all(|pair| pair[1] - pair[0] == 65_536.0));
    assert_eq!(caller.call("stack_top", &[0]).unwrap(), 0.0);
    assert_eq!(caller.call("stack_top", &[32]).unwrap(), 0.0);
}
