//! Helpers for JavaScript values.

use js_sys::{Array, Error, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Returns a property; undefined if there is none.
pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// Sets a property of an object that accepts all.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Fails only for objects that are frozen or not objects.
    let _ = Reflect::set(object, &name.into(), value);
}

/// Returns a global variable; undefined if there is none.
pub fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// Returns a method of an object.
pub fn method(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    get(object, name)
        .dyn_into()
        .map_err(|_| Error::new(&format!("this browser has no {name}")).into())
}

/// Calls a constructor.
pub fn construct(constructor: JsValue, arguments: &Array) -> Result<JsValue, JsValue> {
    let constructor: Function = constructor
        .dyn_into()
        .map_err(|_| Error::new("this browser lacks a constructor"))?;
    Reflect::construct(&constructor, arguments)
}

/// Waits for a promise.
pub async fn wait(promise: JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(&promise)).await
}

/// Returns the message of a value that was thrown.
pub fn message(error: &JsValue) -> String {
    error.dyn_ref::<Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
