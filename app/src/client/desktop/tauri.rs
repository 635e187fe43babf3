//! What Tauri puts into each of its windows: commands one way, channels the other.

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
    let found = Reflect::get(&js_sys::global(), &"__TAURI_INTERNALS__".into()).ok()?;
    found.is_object().then(|| found.unchecked_into())
}

/// Whether a program is around this page, which then came from no server.
pub fn is_there() -> bool {
    internals().is_some()
}

/// Calls a command of the program's and waits until it is done.
///
/// # Errors
/// What the program says.
pub async fn invoke(command: &str, arguments: &[(&str, JsValue)]) -> Result<(), JsValue> {
    let named = Object::new();
    for (name, value) in arguments {
        Reflect::set(&named, &(*name).into(), value)?;
    }
    let internals = internals().ok_or("no program is around this page")?;
    JsFuture::from(internals.invoke(command, &named)?).await?;
    Ok(())
}

/// A channel over which `hear` is told texts, in the order in which they were sent, until the program has sent
/// the last; as the argument that a command takes.
///
/// # Errors
/// Where Tauri gives none.
pub fn channel(mut hear: impl FnMut(String) + 'static) -> Result<JsValue, JsValue> {
    let order = RefCell::new(InOrder::default());
    let id = Rc::new(Cell::new(0.0));
    let own = Rc::clone(&id);
    // `{ index, message }`, in which large messages are overtaken by small ones; `{ index, end }` is the last.
    let take = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
        let get = |name: &str| Reflect::get(&raw, &name.into()).ok();
        let Some(index) = get("index").and_then(|index| index.as_f64()) else {
            return;
        };
        let message = get("message").and_then(|message| message.as_string());
        let due = order.borrow_mut().take(index as u64, message);
        for message in due {
            if let Some(message) = message {
                hear(message);
            } else if let Some(internals) = internals() {
                // Tauri keeps what it calls, and with it all that is held here, until it is told.
                let _known = internals.unregister_callback(own.get());
            }
        }
    });
    let internals = internals().ok_or("no program is around this page")?;
    let given = internals.transform_callback(&take.into_js_value())?;
    id.set(given.as_f64().unwrap_or_default());
    Ok(format!("__CHANNEL__:{}", id.get()).into())
}
