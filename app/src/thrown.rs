//! Messages of values that the browser throws.

use wasm_bindgen::{JsCast, JsValue};

/// Returns the message of a thrown value.
pub fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
