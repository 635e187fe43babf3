//! The driver's platform in a browser: messages, files and downloads.

use futures::channel::mpsc::unbounded;
use js_sys::Array;
use llamaglass_driver::page::{Host, Incoming, ModelFiles, run};
use llamaglass_engine::bytes::{BlobSource, ByteSource};
use llamaglass_engine::{LoadPhase, LoadProgress};
use llamaglass_session::protocol::{EngineReply, ModelSource, Reply, WindowReply};
use llamaglass_web::{Yielder, error_message, property};
use wasm_bindgen::prelude::*;
use web_sys::{File, MessageEvent};

use crate::download;
use crate::js::{post, scope, sleep};
use crate::store::{self, Store};

/// Files of the browser.
type Files = Vec<Box<dyn ByteSource>>;

/// Listens for commands and starts the driver.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The trap that follows ends this worker; this is its last message.
        post(EngineReply::Crashed {
            message: info.to_string(),
        });
    }));
    let Some(yielder) = Yielder::new() else {
        return post(EngineReply::Crashed {
            message: "this browser has no MessageChannel".into(),
        });
    };
    let (sender, inbox) = unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match read(&event.data()) {
            // Fails only if the driver is gone, and then so is the worker.
            Ok(incoming) => drop(sender.unbounded_send(incoming)),
            Err(error) => post(WindowReply::Notice {
                text: format!("a command could not be read: {error}"),
            }),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(async move { run(&Worker { yielder }, inbox).await });
}

fn read(data: &JsValue) -> Result<Incoming<Files>, String> {
    let json = property(data, "command")
        .and_then(|command| command.as_string())
        .ok_or("no command in the message")?;
    let command = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let command = Box::new(command);
    let files = property(data, "files").map_or_else(Array::new, |files| Array::from(&files));
    let files = files.iter().filter_map(|entry| {
        let file: File = property(&entry, "file")?.dyn_into().ok()?;
        Some(Box::new(BlobSource::new(file.name(), file.into())) as Box<dyn ByteSource>)
    });
    Ok(Incoming {
        command,
        files: files.collect(),
    })
}

/// This worker, as the driver's platform.
struct Worker {
    yielder: Yielder,
}

impl Host for Worker {
    type Files = Files;

    fn send(&self, reply: impl Into<Reply>) {
        post(reply);
    }

    async fn yield_now(&self) {
        self.yielder.yield_now().await;
    }

    async fn sleep(&self, ms: f64) {
        sleep(ms as i32).await;
    }

    async fn fetch(
        &self,
        source: ModelSource,
        files: Files,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<ModelFiles, String> {
        let (model, base) = match source {
            ModelSource::Files => {
                return Ok(ModelFiles {
                    files,
                    stored_digest: None,
                });
            }
            ModelSource::Catalog { model, base } => (model, base),
            ModelSource::Local { path } => {
                return Err(format!("{path}: a browser opens no paths"));
            }
            ModelSource::Server { server, .. } => {
                return Err(format!("{} is a server, not a file", server.host()));
            }
        };
        let total = model.bytes;
        let mut progress = |done| {
            progress(LoadProgress {
                phase: LoadPhase::Download,
                done,
                total,
            });
        };
        progress(0);
        let fetched = download::fetch(&model, &base, &mut progress)
            .await
            .map_err(|error| error.to_string())?;
        Ok(ModelFiles {
            files: vec![fetched.source],
            stored_digest: fetched.is_stored.then_some(model.sha256),
        })
    }

    async fn distrust(&self, digest: &str) {
        if let Some(store) = Store::open().await {
            store.set_verified(digest, false).await;
        }
    }

    async fn stored_bytes(&self) -> Option<u64> {
        Some(Store::open().await?.size().await)
    }

    async fn delete_stored(&self) -> Result<(), String> {
        store::delete_all()
            .await
            .map_err(|error| error_message(&error))
    }
}
