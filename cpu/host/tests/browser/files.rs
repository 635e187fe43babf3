//! Addresses of the module's files, which `cargo xtask test` builds and serves.

use js_sys::{Array, Reflect};
use llamaglass_cpu_host::Files;
use wasm_bindgen::{JsCast, JsValue};

/// Base URL of the built files.
const URL: Option<&str> = option_env!("LLAMAGLASS_TEST_CPU_URL");
/// Script of a helper's worker.
pub const HELPER: &str = include_str!("../../../../public/cpu-helper.js");

/// Returns the addresses. The helper's script is a blob, because a worker's script must be of the test's own origin.
pub fn files() -> Files {
    let url = URL.expect("LLAMAGLASS_TEST_CPU_URL: run this through `cargo xtask test`");
    Files {
        threaded: format!("{url}cpu-threads.wasm"),
        single: format!("{url}cpu.wasm"),
        helper: blob_url(HELPER),
    }
}

/// Returns the address of a script with this text.
pub fn blob_url(text: &str) -> String {
    let options = js_sys::Object::new();
    Reflect::set(&options, &"type".into(), &"text/javascript".into()).unwrap();
    let parts = Array::of1(&text.into());
    let arguments = Array::of2(&parts, &options);
    let constructor: js_sys::Function = global("Blob").unchecked_into();
    let blob = Reflect::construct(&constructor, &arguments).unwrap();
    let url = global("URL");
    let create = Reflect::get(&url, &"createObjectURL".into()).unwrap();
    let create: js_sys::Function = create.unchecked_into();
    create.call1(&url, &blob).unwrap().as_string().unwrap()
}

/// Returns a global variable.
pub fn global(name: &str) -> JsValue {
    Reflect::get(&js_sys::global(), &name.into()).unwrap()
}
