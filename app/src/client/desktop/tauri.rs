//! Bindings to the object that Tauri adds to each of its windows, for commands and channels.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::in_order::InOrder;

#[wasm_bindgen]
extern "C" {
    type Internals;
    #[wasm_bindgen(method, catch)]
    fn invoke(this: &Internals, command: &str, arguments: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = transformCallback)]
    fn transform_callback(this: &Internals, callback: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = unregisterCallback)]
    fn unregister_callback(this: &Internals, id: f64) -> Result<(), JsValue>;
}

fn internals() -> Option<Internals> {
    let object = Reflect::get(&js_sys::global(), &"__TAURI_INTERNALS__".into()).ok()?;
    object.is_object().then(|| object.unchecked_into())
}

/// Returns whether the page runs inside the desktop program. Such a page did not come from a server.
pub fn is_available() -> bool {
    internals().is_some()
}

/// Calls a command of the program and waits until it completes.
/// Returns the program's error, or an error if the page is not inside the program.
pub async fn invoke(command: &str, arguments: &[(&str, JsValue)]) -> Result<(), JsValue> {
    let object = Object::new();
    for (name, value) in arguments {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    let internals = internals().ok_or("this page is not inside the desktop program")?;
    JsFuture::from(internals.invoke(command, &object)?).await?;
    Ok(())
}

/// Opens a channel from the program and returns it in the form that a command takes as its argument. `receive`
/// receives the messages in the order in which they were sent, until the program closes the channel.
/// Fails outside the desktop program and if Tauri refuses the callback.
pub fn channel(mut receive: impl FnMut(String) + 'static) -> Result<JsValue, JsValue> {
    let order = RefCell::new(InOrder::default());
    let id = Rc::new(Cell::new(0.0));
    let callback_id = Rc::clone(&id);
    // Tauri sends `{ index, message }`, where small messages can overtake large ones, and at the end
    // `{ index, end }`.
    let on_message = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
        let get = |name: &str| Reflect::get(&raw, &name.into()).ok();
        let Some(index) = get("index").and_then(|index| index.as_f64()) else {
            return;
        };
        let message = get("message").and_then(|message| message.as_string());
        let due = order.borrow_mut().take(index as u64, message);
        for message in due {
            if let Some(message) = message {
                receive(message);
            } else if let Some(internals) = internals() {
                // Tauri keeps the callback and everything it captures until it is unregistered.
                let _removed = internals.unregister_callback(callback_id.get());
            }
        }
    });
    let internals = internals().ok_or("this page is not inside the desktop program")?;
    let callback = internals.transform_callback(&on_message.into_js_value())?;
    id.set(callback.as_f64().unwrap_or_default());
    Ok(format!("__CHANNEL__:{}", id.get()).into())
}
