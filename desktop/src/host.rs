//! The driver's platform on this machine.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use llamaglass_driver::StopSignal;
use llamaglass_driver::page::{Host, ModelFiles};
use llamaglass_engine::LoadProgress;
use llamaglass_engine::bytes::{ByteSource, open_model};
use llamaglass_session::protocol::{EngineReply, ModelSource, Reply};

use crate::cancel::Cancellable;

/// Receives an engine's replies. The reply that ends a load comes with the model's path, if the model was opened.
pub type ReplyHandler = Arc<dyn Fn(Reply, Option<String>) + Send + Sync>;

/// Platform of a driver on a thread of this program.
pub struct DesktopHost {
    on_reply: ReplyHandler,
    stop: StopSignal,
    /// Path of the model that is being loaded.
    loading: RefCell<Option<String>>,
}

impl DesktopHost {
    /// Creates a platform that passes replies to `on_reply` until the stop.
    pub fn new(on_reply: ReplyHandler, stop: StopSignal) -> Self {
        Self {
            on_reply,
            stop,
            loading: RefCell::default(),
        }
    }

    /// Opens the files of the model at `path`, whose reads fail after the stop.
    fn open(&self, path: &Path) -> Result<Vec<Box<dyn ByteSource>>, String> {
        let files = open_model(path).map_err(|error| error.to_string())?;
        let cancellable = |source| {
            let source = Cancellable::new(source, self.stop.clone());
            Box::new(source) as Box<dyn ByteSource>
        };
        Ok(files.into_iter().map(cancellable).collect())
    }
}

impl Host for DesktopHost {
    /// The page sends no files, only paths.
    type Files = ();

    fn send(&self, reply: impl Into<Reply>) {
        let reply = reply.into();
        let loaded = match &reply {
            // `Ready` was sent when the engine was requested, which may be long before this thread gets to it.
            Reply::Engine(EngineReply::Ready) => return,
            Reply::Engine(EngineReply::Loaded { .. } | EngineReply::LoadFailed { .. }) => {
                self.loading.take()
            }
            _ => None,
        };
        (self.on_reply)(reply, loaded);
    }

    async fn yield_now(&self) {
        self.stop.check().await;
    }

    async fn sleep(&self, ms: f64) {
        self.stop.sleep(ms).await;
    }

    async fn fetch(
        &self,
        source: ModelSource,
        (): (),
        _progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<ModelFiles, String> {
        let ModelSource::Local { path } = source else {
            return Err("this program opens models of this machine, by their paths".into());
        };
        let files = self.open(Path::new(&path))?;
        *self.loading.borrow_mut() = Some(path);
        Ok(ModelFiles {
            files,
            stored_digest: None,
        })
    }

    /// Does nothing, because nothing is stored.
    async fn distrust(&self, _digest: &str) {}

    /// Returns `None`, because models stay where the user has them.
    async fn stored_bytes(&self) -> Option<u64> {
        None
    }

    async fn delete_stored(&self) -> Result<(), String> {
        Ok(())
    }
}
