//! What differs between the places where an engine lives.

use std::future::Future;

use llamaglass_engine::LoadProgress;
use llamaglass_engine::bytes::ByteSource;

use crate::protocol::{Command, ModelSource, Reply};

/// What comes to the task that owns the engine.
#[derive(Debug)]
pub struct Incoming<F> {
    /// What is to be done.
    pub command: Box<Command>,
    /// What travels beside it, as the platform hands it over.
    pub files: F,
}

/// The bytes of a model.
pub struct Fetched {
    /// Its files.
    pub files: Vec<Box<dyn ByteSource>>,
    /// The digest under which a download is kept, where it was one.
    pub kept: Option<String>,
}

/// The platform around the engine's task.
pub trait Host {
    /// What travels beside a command that loads a model.
    type Files;

    /// Tells the page.
    fn tell(&self, reply: Reply);

    /// Lets what was sent meanwhile come in.
    fn breathe(&self) -> impl Future<Output = ()>;

    /// Comes back after `ms` milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;

    /// The bytes of a model; `progress` hears of a download, of nothing else.
    ///
    /// # Errors
    /// Why they can't be had, in words.
    fn fetch(
        &self,
        source: ModelSource,
        files: Self::Files,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> impl Future<Output = Result<Fetched, String>>;

    /// What is kept under this digest could not be loaded: it is to be hashed before it is used again.
    fn distrust(&self, digest: &str) -> impl Future<Output = ()>;

    /// Bytes of the downloads that are kept; `None` where none can be.
    fn stored(&self) -> impl Future<Output = Option<u64>>;

    /// Deletes them.
    ///
    /// # Errors
    /// Why that can't be done, in words.
    fn delete_stored(&self) -> impl Future<Output = Result<(), String>>;
}
