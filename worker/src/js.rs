//! Helpers for browser APIs in the worker.

use js_sys::{Function, Promise};
use llamaglass_session::protocol::Reply;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::DedicatedWorkerGlobalScope;

#[wasm_bindgen]
extern "C" {
    /// Writes an error to the browser's console.
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn log_error(value: &JsValue);
}

/// Returns this worker's global object.
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends a reply to the page.
pub fn post(reply: impl Into<Reply>) {
    match serde_json::to_string(&reply.into()) {
        Ok(json) => {
            if let Err(error) = scope().post_message(&json.into()) {
                log_error(&error);
            }
        }
        Err(error) => log_error(&error.to_string().into()),
    }
}

/// Waits for `ms` milliseconds.
pub async fn sleep(ms: i32) {
    let mut start = |resolve: Function, _: Function| {
        let set = scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
        if set.is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    };
    let _ = JsFuture::from(Promise::new(&mut start)).await;
}
