//! Requests that the desktop program makes for the page: unlike the page, it may contact any server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use js_sys::{Function, Object, Reflect, Uint8Array};
use llamaglass_session::platform::{FetchPart, FetchRequest};
use llamaglass_web::error_message;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    AbortSignal, Headers, ReadableStream, ReadableStreamDefaultController, Response, ResponseInit,
};

use super::tauri;

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// A response whose body arrives in chunks.
struct PendingResponse {
    head: RefCell<Option<oneshot::Sender<Result<Response, String>>>>,
    controller: RefCell<Option<ReadableStreamDefaultController>>,
    stream: ReadableStream,
}

/// Sends a request through the program and returns the response once its headers arrive. Cancelling its body or
/// aborting `signal` ends the request.
/// Returns the reason if no response comes.
pub async fn fetch(
    url: &str,
    authorization: Option<String>,
    body: Option<&str>,
    signal: &AbortSignal,
) -> Result<Response, String> {
    let id = NEXT.with(|next| next.replace(next.get() + 1));
    let request = FetchRequest {
        id,
        url: url.to_owned(),
        authorization,
        body: body.map(str::to_owned),
    };
    let stop = move || {
        let end = async move {
            // An error is ignored: a request that has ended needs no stopping.
            let _ended = tauri::invoke("stop_fetch", &[("id", (id as f64).into())]).await;
        };
        spawn_local(end);
    };
    let (head, wait) = oneshot::channel();
    let response = PendingResponse::new(head, stop).map_err(|error| error_message(&error))?;
    let on_abort = Closure::once_into_js(stop);
    signal.set_onabort(Some(on_abort.unchecked_ref()));
    let receiver = Rc::clone(&response);
    let channel = tauri::channel(move |json| receiver.receive(&json))
        .map_err(|error| error_message(&error))?;
    let request = serde_json::to_string(&request).map_err(|error| error.to_string())?;
    tauri::invoke(
        "fetch",
        &[("request", request.into()), ("channel", channel)],
    )
    .await
    .map_err(|error| error_message(&error))?;
    wait.await
        .unwrap_or_else(|_| Err("the program gave no response".into()))
}

impl PendingResponse {
    fn new(
        head: oneshot::Sender<Result<Response, String>>,
        stop: impl Fn() + 'static,
    ) -> Result<Rc<Self>, JsValue> {
        let started = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&started);
        let start = Closure::once_into_js(move |controller: ReadableStreamDefaultController| {
            slot.replace(Some(controller));
        });
        let cancel = Closure::once_into_js(stop);
        let source = Object::new();
        Reflect::set(&source, &"start".into(), start.unchecked_ref::<Function>())?;
        Reflect::set(
            &source,
            &"cancel".into(),
            cancel.unchecked_ref::<Function>(),
        )?;
        // The constructor calls `start` synchronously.
        let stream = ReadableStream::new_with_underlying_source(&source)?;
        Ok(Rc::new(Self {
            head: RefCell::new(Some(head)),
            controller: RefCell::new(started.take()),
            stream,
        }))
    }

    fn receive(&self, json: &str) {
        let part = serde_json::from_str(json).unwrap_or_else(|error| FetchPart::Failed {
            why: format!("the page can't read a message of the program: {error}"),
        });
        let controller = self.controller.borrow();
        // A cancelled stream accepts nothing more, so its errors are ignored.
        match (part, controller.as_ref()) {
            (
                FetchPart::Head {
                    status,
                    content_type,
                },
                _,
            ) => {
                let response = self.response(status, &content_type);
                self.resolve(response.map_err(|error| error_message(&error)));
            }
            (FetchPart::Bytes { bytes }, Some(controller)) => {
                let _queued = controller.enqueue_with_chunk(&Uint8Array::from(&*bytes));
            }
            (FetchPart::End, Some(controller)) => {
                let _closed = controller.close();
            }
            (FetchPart::Failed { why }, controller) => {
                if let Some(controller) = controller {
                    controller.error_with_e(&js_sys::Error::new(&why));
                }
                self.resolve(Err(why));
            }
            (_, None) => {}
        }
    }

    fn response(&self, status: u16, content_type: &str) -> Result<Response, JsValue> {
        let headers = Headers::new()?;
        headers.set("Content-Type", content_type)?;
        let init = ResponseInit::new();
        init.set_status(status);
        init.set_headers(&headers);
        Response::new_with_opt_readable_stream_and_init(Some(&self.stream), &init)
    }

    fn resolve(&self, outcome: Result<Response, String>) {
        if let Some(head) = self.head.borrow_mut().take() {
            // The caller may have dropped the receiver.
            let _sent = head.send(outcome);
        }
    }
}
