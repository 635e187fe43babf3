//! Helpers for browser APIs, for the page and its worker.

use js_sys::{Error, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

/// Yields to the browser's event loop over a message channel, without the 4 ms that a nested `setTimeout` costs.
pub struct Yielder {
    channel: MessageChannel,
}

impl Yielder {
    /// Opens the channel; one per worker is enough. Returns `None` if the browser refuses.
    pub fn new() -> Option<Self> {
        Some(Self {
            channel: MessageChannel::new().ok()?,
        })
    }

    /// Waits until the browser has delivered the messages that are queued now.
    pub async fn yield_now(&self) {
        let mut start = |resolve: Function, _: Function| {
            self.channel.port1().set_onmessage(Some(&resolve));
            if self.channel.port2().post_message(&JsValue::NULL).is_err() {
                let _ = resolve.call0(&JsValue::NULL);
            }
        };
        let _ = JsFuture::from(Promise::new(&mut start)).await;
    }
}

/// Returns the message of a value that JavaScript threw.
pub fn error_message(error: &JsValue) -> String {
    error.dyn_ref::<Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}

/// Returns a property of a JavaScript object, unless it is missing or null.
pub fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}
