//! The engine in the desktop program around this page: Tauri's commands one way, its channel the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use llamaglass_engine::StubLevel;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::cut::Cut;
use super::in_order::InOrder;
use super::{Client, Listener, PageFile};
use crate::protocol::{Command, Reply};
use crate::thrown::words;

#[wasm_bindgen]
extern "C" {
    /// What Tauri puts into each of its windows.
    #[derive(Clone)]
    type Internals;
    #[wasm_bindgen(method, catch)]
    fn invoke(this: &Internals, command: &str, arguments: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = transformCallback)]
    fn transform_callback(this: &Internals, callback: &Function) -> Result<JsValue, JsValue>;
}

/// An engine in the program around this page.
pub struct DesktopClient {
    shared: Rc<Shared>,
    cut: Cut,
}

struct Shared {
    listener: Listener,
    internals: Internals,
    order: RefCell<InOrder<String>>,
    /// Engines that were begun and have not said that they are ready: what is heard before is of those that
    /// nobody wants any more.
    begun: Cell<u32>,
}

fn internals() -> Option<Internals> {
    let found = Reflect::get(&js_sys::global(), &"__TAURI_INTERNALS__".into()).ok()?;
    found.is_object().then(|| found.unchecked_into())
}

/// Whether a program is around this page, which then came from no server.
pub fn in_desktop() -> bool {
    internals().is_some()
}

impl DesktopClient {
    /// Connects to the program around this page and tells `listener` what it says. `None` in a browser.
    pub fn connect(listener: &Listener) -> Option<Self> {
        let shared = Rc::new(Shared {
            listener: Listener::clone(listener),
            internals: internals()?,
            order: RefCell::default(),
            begun: Cell::new(1),
        });
        let this = Rc::clone(&shared);
        let hear = Closure::<dyn FnMut(JsValue)>::new(move |raw| this.hear(&raw));
        let id = shared
            .internals
            .transform_callback(hear.as_ref().unchecked_ref());
        // The channel is there for as long as the page is.
        hear.forget();
        match id {
            Ok(id) => {
                let id = id.as_f64().unwrap_or_default();
                shared.invoke("connect", "channel", &format!("__CHANNEL__:{id}"));
            }
            Err(error) => shared.broke(&error),
        }
        let cut = Cut::new(Listener::clone(listener));
        Some(Self { shared, cut })
    }
}

impl Client for DesktopClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        self.cut.note(command);
        if self.cut.ends(StubLevel::Entry, command) {
            return;
        }
        if !files.is_empty() {
            // The program's own dialogs and its window give paths.
            let error = "this program opens models by their paths".into();
            return (self.shared.listener)(Reply::LoadFailed { error });
        }
        let json = match serde_json::to_string(command) {
            Ok(json) => json,
            Err(error) => return self.shared.broke(&error.to_string().into()),
        };
        if self.cut.ends(StubLevel::Transfer, command) {
            return;
        }
        self.shared.invoke("tell", "command", &json);
    }

    fn restart(&self) {
        self.shared.begun.set(self.shared.begun.get() + 1);
        self.shared.invoke("restart", "", "");
    }
}

impl Shared {
    /// Calls a command of the program's, with an argument that may have no name: then there is none.
    fn invoke(self: &Rc<Self>, command: &str, name: &str, value: &str) {
        let arguments = Object::new();
        if !name.is_empty()
            && let Err(error) = Reflect::set(&arguments, &name.into(), &value.into())
        {
            return self.broke(&error);
        }
        match self.internals.invoke(command, &arguments) {
            Err(error) => self.broke(&error),
            Ok(done) => {
                let this = Rc::clone(self);
                spawn_local(async move {
                    if let Err(error) = JsFuture::from(done).await {
                        this.broke(&error);
                    }
                });
            }
        }
    }

    fn broke(&self, error: &JsValue) {
        (self.listener)(Reply::Crashed {
            message: format!("the program can't be reached: {}", words(error)),
        });
    }

    /// Hears `{ index, message }`, in which large messages are overtaken by small ones.
    fn hear(&self, raw: &JsValue) {
        let get = |name: &str| Reflect::get(raw, &name.into()).ok();
        let index = get("index").and_then(|index| index.as_f64());
        let message = get("message").and_then(|message| message.as_string());
        // Without a message it is the channel's end, after which nothing comes.
        let (Some(index), Some(message)) = (index, message) else {
            return;
        };
        let due = self.order.borrow_mut().take(index as u64, message);
        for json in due {
            self.take(&json);
        }
    }

    fn take(&self, json: &str) {
        let reply = serde_json::from_str(json).unwrap_or_else(|error| Reply::Crashed {
            message: format!("the program said what the page can't read: {error}"),
        });
        let of_program = matches!(
            reply,
            Reply::Platform { .. }
                | Reply::Open { .. }
                | Reply::Hovering { .. }
                | Reply::Menu { .. }
        );
        if !of_program && self.begun.get() > 0 {
            if !matches!(reply, Reply::Ready) {
                return;
            }
            self.begun.set(self.begun.get() - 1);
            if self.begun.get() > 0 {
                return;
            }
        }
        (self.listener)(reply);
    }
}
