//! Client of the engine in the desktop program around this page: Tauri commands go out, replies come back over a
//! Tauri channel.

use llamaglass_lab::StubLevel;
use std::cell::Cell;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use llamaglass_web::error_message;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::stub_responder::StubResponder;
use super::{Client, Listener, PageFile};
use crate::protocol::{Command, EngineReply, Reply};

mod fetch;
mod in_order;
mod tauri;

pub use fetch::fetch;
pub use tauri::is_available as in_desktop;

/// Client of the engine in the program around this page.
pub struct DesktopClient {
    shared: Rc<Shared>,
    stubs: StubResponder,
}

struct Shared {
    listener: Listener,
    /// Number of engines that were started and have not sent `Ready` yet. While it is above 0, replies come from
    /// engines that were replaced, and are dropped.
    pending_starts: Cell<u32>,
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
        let (calls, mut queue) = unbounded();
        let shared = Rc::new(Shared {
            listener: Listener::clone(listener),
            pending_starts: Cell::new(1),
            calls,
        });
        let this = Rc::downgrade(&shared);
        spawn_local(async move {
            while let Some((command, argument)) = queue.next().await {
                let result = tauri::invoke(command, argument.as_slice()).await;
                if let (Err(error), Some(this)) = (result, this.upgrade()) {
                    this.report_failure(&error);
                }
            }
        });
        let this = Rc::clone(&shared);
        match tauri::channel(move |json| this.receive(&json)) {
            Ok(channel) => shared.call("connect", Some(("channel", channel))),
            Err(error) => shared.report_failure(&error),
        }
        let stubs = StubResponder::new(Listener::clone(listener));
        Some(Self { shared, stubs })
    }
}

impl Client for DesktopClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        self.stubs.observe(command);
        if self.stubs.answers(StubLevel::Entry, command) {
            return;
        }
        if !files.is_empty() {
            // The program opens models by path: its dialogs and drops onto its window give paths.
            let error = "the desktop program opens models by path; use its Open buttons".into();
            return (self.shared.listener)(EngineReply::LoadFailed { error }.into());
        }
        let json = match serde_json::to_string(command) {
            Ok(json) => json,
            Err(error) => return self.shared.report_failure(&error.to_string().into()),
        };
        if self.stubs.answers(StubLevel::Transfer, command) {
            return;
        }
        self.shared.call("tell", Some(("command", json.into())));
    }

    fn restart(&self) {
        self.shared
            .pending_starts
            .set(self.shared.pending_starts.get() + 1);
        self.shared.call("restart", None);
    }
}

impl Shared {
    fn call(&self, command: &'static str, argument: Option<(&'static str, JsValue)>) {
        // Can't fail: the receiving task runs for as long as this sender exists.
        let _sent = self.calls.unbounded_send((command, argument));
    }

    fn report_failure(&self, error: &JsValue) {
        let message = format!("the program can't be reached: {}", error_message(error));
        (self.listener)(EngineReply::Crashed { message }.into());
    }

    fn receive(&self, json: &str) {
        let reply = serde_json::from_str(json).unwrap_or_else(|error| {
            let message = format!("the page can't read a message of the program: {error}");
            EngineReply::Crashed { message }.into()
        });
        if !matches!(reply, Reply::Window(_)) && self.pending_starts.get() > 0 {
            if !matches!(reply, Reply::Engine(EngineReply::Ready)) {
                return;
            }
            self.pending_starts.set(self.pending_starts.get() - 1);
            if self.pending_starts.get() > 0 {
                return;
            }
        }
        (self.listener)(reply);
    }
}
