//! Host of the engine's task on this machine.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::AbortHandle;
use llamaglass_engine::LoadProgress;
use llamaglass_engine::bytes::{ByteSource, open_model};
use llamaglass_session::protocol::{EngineReply, ModelSource, Reply};
use llamaglass_session::{Fetched, Host};

use crate::cancel::Cancellable;

/// Interval at which a sleep checks for an abort.
const LOOK: Duration = Duration::from_millis(20);

/// Host of the engine's task on a thread of this program.
pub struct DesktopHost {
    hear: Box<dyn Fn(Reply, Option<String>) + Send>,
    abort: AbortHandle,
    /// Path of the model that is being loaded.
    loading: RefCell<Option<String>>,
}

impl DesktopHost {
    /// Creates a host that passes replies to `hear` until `abort`. A reply that ends a load comes with the model's
    /// path, if the model was opened.
    pub fn new(hear: impl Fn(Reply, Option<String>) + Send + 'static, abort: AbortHandle) -> Self {
        Self {
            hear: Box::new(hear),
            abort,
            loading: RefCell::default(),
        }
    }

    /// Opens the files of the model at `path`, whose reads fail after the abort.
    fn open(&self, path: &Path) -> Result<Vec<Box<dyn ByteSource>>, String> {
        let files = open_model(path).map_err(|error| error.to_string())?;
        let cancellable = |source| {
            let source = Cancellable::new(source, self.abort.clone());
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
        (self.hear)(reply, loaded);
    }

    /// Never returns after an abort, so that the session ends here. Nothing else runs on this thread.
    async fn yield_now(&self) {
        if self.abort.is_aborted() {
            std::future::pending().await
        }
    }

    async fn sleep(&self, ms: f64) {
        let begin = Instant::now();
        let wanted = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default();
        while let Some(left) = wanted.checked_sub(begin.elapsed()) {
            self.yield_now().await;
            std::thread::sleep(left.min(LOOK));
        }
    }

    async fn fetch(
        &self,
        source: ModelSource,
        (): (),
        _progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Fetched, String> {
        let ModelSource::Local { path } = source else {
            return Err("this program opens models of this machine, by their paths".into());
        };
        let files = self.open(Path::new(&path))?;
        *self.loading.borrow_mut() = Some(path);
        Ok(Fetched { files, kept: None })
    }

    /// Does nothing, because nothing is stored.
    async fn distrust(&self, _digest: &str) {}

    /// Returns `None`, because models stay where the user has them.
    async fn stored(&self) -> Option<u64> {
        None
    }

    async fn delete_stored(&self) -> Result<(), String> {
        Ok(())
    }
}
