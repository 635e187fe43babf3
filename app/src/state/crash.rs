//! Panics of the page itself: never silent, and never at the cost of the conversation.
//!
//! WebAssembly can't unwind, so after a panic the page is dead: locks stay locked and half-made changes stay
//! half made. The hook says so on a card that plain JavaScript draws (`public/boot.js`), ends the engine's
//! worker, and saves the conversation.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use super::app::App;
use crate::client;

thread_local! {
    /// The page whose conversation a panic saves.
    static PAGE: Cell<Option<App>> = const { Cell::new(None) };
}

#[wasm_bindgen]
extern "C" {
    /// Draws the crash card; `public/boot.js` defines it.
    #[wasm_bindgen(catch, js_namespace = window, js_name = llamaglassCrash)]
    fn show_card(message: &str) -> Result<(), JsValue>;
}

/// Reports panics to the console and on the crash card from now on.
pub fn install(app: App) {
    PAGE.set(Some(app));
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let Some(app) = PAGE.get() else { return };
        if app.inner().crashed.replace(true) {
            return;
        }
        // A document without boot.js has no card; the console has the message.
        drop(show_card(&info.to_string()));
        client::terminate_worker();
        // Last, because it panics if the code that panicked holds the conversation's lock.
        app.save_chat();
    }));
}
