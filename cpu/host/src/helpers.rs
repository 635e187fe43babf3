//! Helper threads: workers that run instances of the module on its memory.

use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::JsValue;

use crate::js::{construct, global, method, set, wait};
use crate::memory::Memory;

/// How long a worker may take to start. A page with a model to load has that time, and few browsers need a second.
const START_LIMIT_MS: u32 = 10_000;

/// The running helpers. They end when this is dropped.
#[derive(Debug, Default)]
pub struct Helpers {
    workers: Vec<JsValue>,
}

impl Helpers {
    /// Starts up to `count` helpers with the script at `script`. Those that do not start are left out.
    pub async fn start(script: &str, module: &JsValue, memory: &Memory, count: usize) -> Self {
        let mut helpers = Self::default();
        let mut starting = Vec::new();
        for thread in 1..=count {
            let Ok((worker, ready)) = start(script, module, memory, thread) else {
                break;
            };
            helpers.workers.push(worker);
            starting.push(ready);
        }
        let mut started = 0;
        for ready in starting {
            let is_ready = wait(ready.into()).await;
            if is_ready != Ok(JsValue::TRUE) {
                break;
            }
            started += 1;
        }
        // Thread indices have no gaps.
        for late in helpers.workers.drain(started..) {
            terminate(&late);
        }
        helpers
    }

    /// Number of helpers.
    pub const fn count(&self) -> usize {
        self.workers.len()
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        self.workers.iter().for_each(terminate);
    }
}

/// Starts a worker. Returns it, and a promise of whether it runs.
fn start(
    script: &str,
    module: &JsValue,
    memory: &Memory,
    thread: usize,
) -> Result<(JsValue, Promise), JsValue> {
    let worker = construct(global("Worker"), &Array::of1(&script.into()))?;
    let mut outcome = |resolve: Function, _: Function| {
        let yes = resolve.bind1(&JsValue::NULL, &JsValue::TRUE);
        let no = resolve.bind1(&JsValue::NULL, &JsValue::FALSE);
        set(&worker, "onmessage", &yes);
        set(&worker, "onerror", &no);
        if let Ok(set_timeout) = method(&js_sys::global(), "setTimeout") {
            let _ = set_timeout.call2(&JsValue::UNDEFINED, &no, &START_LIMIT_MS.into());
        }
    };
    let ready = Promise::new(&mut outcome);
    let message = Object::new();
    set(&message, "module", module);
    set(&message, "memory", memory.object());
    set(&message, "thread", &(thread as u32).into());
    if let Err(error) = method(&worker, "postMessage")?.call1(&worker, &message) {
        terminate(&worker);
        return Err(error);
    }
    Ok((worker, ready))
}

fn terminate(worker: &JsValue) {
    if let Ok(terminate) = method(worker, "terminate") {
        // Nothing more can be done with a worker that can't be terminated.
        let _ = terminate.call0(worker);
    }
}
