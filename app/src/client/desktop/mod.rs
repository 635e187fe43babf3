//! Client of the engine in the desktop program around this page: Tauri commands go out, replies come back over a
//! Tauri channel.

use std::cell::Cell;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use llamaglass_types::StubLevel;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::cut::Cut;
use super::{Client, Listener, PageFile};
use crate::protocol::{Command, EngineReply, Reply};
use llamaglass_web::error_message;

mod fetch;
mod in_order;
mod tauri;

pub use fetch::fetch;
pub use tauri::is_there as in_desktop;

/// Client of the engine in the program around this page.
pub struct DesktopClient {
    shared: Rc<Shared>,
    cut: Cut,
}

struct Shared {
    listener: Listener,
    /// Number of engines that were started and have not sent `Ready` yet. While it is above 0, replies come from
    /// engines that were replaced, and are dropped.
    begun: Cell<u32>,
    /// Queue of calls to the program. They are made one at a time, because the program may receive concurrent calls
    /// in any order.
    calls: UnboundedSender<Call>,
}

/// Name of a command of the program, with the name and value of its argument.
type Call = (&'static str, Option<(&'static str, JsValue)>);

impl DesktopClient {
    /// Connects to the program around this page and sends its replies to `listener`. Returns `None` in a browser.
    pub fn connect(listener: &Listener) -> Option<Self> {
        if !in_desktop() {
            return None;
        }
        let (calls, mut called) = unbounded();
        let shared = Rc::new(Shared {
            listener: Listener::clone(listener),
            begun: Cell::new(1),
            calls,
        });
        let this = Rc::downgrade(&shared);
        spawn_local(async move {
            while let Some((command, argument)) = called.next().await {
                let done = tauri::invoke(command, argument.as_slice()).await;
                if let (Err(error), Some(this)) = (done, this.upgrade()) {
                    this.broke(&error);
                }
            }
        });
        let this = Rc::clone(&shared);
        match tauri::channel(move |json| this.take(&json)) {
            Ok(channel) => shared.call("connect", Some(("channel", channel))),
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
            // The program opens models by path: its dialogs and drops onto its window give paths.
            let error = "this program opens models by their paths".into();
            return (self.shared.listener)(EngineReply::LoadFailed { error }.into());
        }
        let json = match serde_json::to_string(command) {
            Ok(json) => json,
            Err(error) => return self.shared.broke(&error.to_string().into()),
        };
        if self.cut.ends(StubLevel::Transfer, command) {
            return;
        }
        self.shared.call("send", Some(("command", json.into())));
    }

    fn restart(&self) {
        self.shared.begun.set(self.shared.begun.get() + 1);
        self.shared.call("restart", None);
    }
}

impl Shared {
    fn call(&self, command: &'static str, argument: Option<(&'static str, JsValue)>) {
        // Can't fail: the receiving task runs for as long as this sender exists.
        let _called = self.calls.unbounded_send((command, argument));
    }

    fn broke(&self, error: &JsValue) {
        let message = format!("the program can't be reached: {}", error_message(error));
        (self.listener)(EngineReply::Crashed { message }.into());
    }

    fn take(&self, json: &str) {
        let reply = serde_json::from_str(json).unwrap_or_else(|error| {
            let message = format!("the program said what the page can't read: {error}");
            EngineReply::Crashed { message }.into()
        });
        if !matches!(reply, Reply::Window(_)) && self.begun.get() > 0 {
            if !matches!(reply, Reply::Engine(EngineReply::Ready)) {
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
