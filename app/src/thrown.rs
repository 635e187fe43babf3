//! What the browser throws.

use wasm_bindgen::{JsCast, JsValue};

/// What a thrown value says.
pub fn words(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
