//! What Tauri puts into each of its windows: commands one way, channels the other.

use std::cell::RefCell;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::in_order::InOrder;

#[wasm_bindgen]
extern "C" {
    type Internals;
    #[wasm_bindgen(method, catch)]
    fn invoke(this: &Internals, command: &str, arguments: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = transformCallback)]
    fn transform_callback(this: &Internals, callback: &Function) -> Result<JsValue, JsValue>;
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

/// A channel over which `hear` is told texts, in the order in which they were sent, for as long as the page is
/// there; as the argument that a command takes.
///
/// # Errors
/// Where Tauri gives none.
pub fn channel(mut hear: impl FnMut(String) + 'static) -> Result<JsValue, JsValue> {
    let order = RefCell::new(InOrder::default());
    // `{ index, message }`, in which large messages are overtaken by small ones.
    let take = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
        let get = |name: &str| Reflect::get(&raw, &name.into()).ok();
        let index = get("index").and_then(|index| index.as_f64());
        let message = get("message").and_then(|message| message.as_string());
        // Without a message it is the channel's end, after which nothing comes.
        if let (Some(index), Some(message)) = (index, message) {
            let due = order.borrow_mut().take(index as u64, message);
            due.into_iter().for_each(&mut hear);
        }
    });
    let internals = internals().ok_or("no program is around this page")?;
    let id = internals.transform_callback(take.as_ref().unchecked_ref())?;
    take.forget();
    Ok(format!("__CHANNEL__:{}", id.as_f64().unwrap_or_default()).into())
}
