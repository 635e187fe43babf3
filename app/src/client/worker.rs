//! Client of an engine in a dedicated worker of this page.

use llamaglass_lab::StubLevel;
use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::stub_responder::StubResponder;
use super::{Client, Listener, PageFile};
use crate::protocol::{Command, EngineReply, Reply};

/// Script next to the page that starts the worker's WebAssembly.
const SCRIPT: &str = "engine-worker.js";

thread_local! {
    /// The running worker, for a page that has panicked and can trust none of its other state.
    static LAST: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// Terminates the engine's worker, if one runs.
pub fn terminate_worker() {
    LAST.with(|last| {
        if let Ok(Some(worker)) = last.try_borrow().as_deref() {
            worker.terminate();
        }
    });
}

/// Client of an engine in a dedicated worker.
pub struct WorkerClient {
    shared: Rc<Shared>,
    stubs: StubResponder,
}

struct Shared {
    listener: Listener,
    running: RefCell<Option<Running>>,
    /// Messages for a worker that is not ready yet.
    waiting: RefCell<Vec<JsValue>>,
}

struct Running {
    worker: Worker,
    ready: bool,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl WorkerClient {
    /// Starts a worker and sends its replies to `listener`.
    pub fn new(listener: Listener) -> Self {
        let stubs = StubResponder::new(Listener::clone(&listener));
        let shared = Rc::new(Shared {
            listener,
            running: RefCell::new(None),
            waiting: RefCell::new(Vec::new()),
        });
        shared.spawn();
        Self { shared, stubs }
    }
}

impl Client for WorkerClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        self.stubs.observe(command);
        if self.stubs.answers(StubLevel::Entry, command) {
            return;
        }
        let message = match to_message(command, files) {
            Ok(message) => message,
            Err(error) => {
                let message = format!("a command could not be written: {error:?}");
                return (self.shared.listener)(EngineReply::Crashed { message }.into());
            }
        };
        if self.stubs.answers(StubLevel::Transfer, command) {
            return;
        }
        let running = self.shared.running.borrow();
        match running.as_ref() {
            Some(running) if running.ready => {
                if let Err(error) = running.worker.post_message(&message) {
                    let message = format!("the engine's worker accepted no message: {error:?}");
                    (self.shared.listener)(EngineReply::Crashed { message }.into());
                }
            }
            _ => self.shared.waiting.borrow_mut().push(message),
        }
    }

    fn restart(&self) {
        self.shared.stop();
        self.shared.spawn();
    }
}

impl Drop for WorkerClient {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.waiting.borrow_mut().clear();
        if let Some(running) = self.running.borrow_mut().take() {
            running.worker.set_onmessage(None);
            running.worker.set_onerror(None);
            running.worker.terminate();
        }
    }

    fn spawn(self: &Rc<Self>) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("llamaglass-engine");
        let worker = match Worker::new_with_options(SCRIPT, &options) {
            Ok(worker) => worker,
            Err(error) => {
                let message = format!("the browser could not start the worker: {error:?}");
                return (self.listener)(EngineReply::Crashed { message }.into());
            }
        };
        let this = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(this) = this.upgrade() {
                this.receive(&event);
            }
        });
        let this = Rc::downgrade(self);
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            if let Some(this) = this.upgrade() {
                let text = event.message();
                let message = if text.is_empty() {
                    format!("{SCRIPT} could not be loaded")
                } else {
                    text
                };
                (this.listener)(EngineReply::Crashed { message }.into());
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        LAST.set(Some(worker.clone()));
        *self.running.borrow_mut() = Some(Running {
            worker,
            ready: false,
            _on_message: on_message,
            _on_error: on_error,
        });
    }

    fn receive(&self, event: &MessageEvent) {
        let json = event.data().as_string().unwrap_or_default();
        let reply = serde_json::from_str(&json).unwrap_or_else(|error| {
            // The server may have a newer build by the time a worker is started again.
            let message = format!(
                "The engine and this page come from different builds. Reload the page to get a matching pair. ({error})"
            );
            EngineReply::Crashed { message }.into()
        });
        if matches!(reply, Reply::Engine(EngineReply::Ready))
            && let Some(running) = self.running.borrow_mut().as_mut()
        {
            running.ready = true;
            for message in self.waiting.borrow_mut().drain(..) {
                if let Err(error) = running.worker.post_message(&message) {
                    web_sys::console::error_1(&error);
                }
            }
        }
        (self.listener)(reply);
    }
}

/// Builds `{ command: JSON, files: [{ path, file }] }`, the form that the worker reads.
fn to_message(command: &Command, files: &[PageFile]) -> Result<JsValue, JsValue> {
    let json = serde_json::to_string(command).map_err(|error| error.to_string())?;
    let list = Array::new();
    for PageFile { path, file } in files {
        let entry = Object::new();
        Reflect::set(&entry, &"path".into(), &path.into())?;
        Reflect::set(&entry, &"file".into(), file)?;
        list.push(&entry);
    }
    let message = Object::new();
    Reflect::set(&message, &"command".into(), &json.into())?;
    Reflect::set(&message, &"files".into(), &list)?;
    Ok(message.into())
}
