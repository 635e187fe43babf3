//! The platforms that a page's engine runs on.

use std::future::Future;

use llamaglass_engine::LoadProgress;
use llamaglass_engine::bytes::ByteSource;

use llamaglass_session::protocol::{Command, ModelSource, Reply};

/// A command for the driver.
#[derive(Debug)]
pub struct Incoming<F> {
    /// The command.
    pub command: Box<Command>,
    /// Files that accompany it, in the platform's own form.
    pub files: F,
}

/// The bytes of a model.
pub struct ModelFiles {
    /// The model's files.
    pub files: Vec<Box<dyn ByteSource>>,
    /// Digest under which the platform stores a download; `None` for other sources.
    pub stored_digest: Option<String>,
}

/// The platform around the driver.
pub trait Host {
    /// Files that accompany a command that loads a model.
    type Files;

    /// Sends a reply to the page.
    fn send(&self, reply: impl Into<Reply>);

    /// Yields, so that messages sent meanwhile can arrive.
    fn yield_now(&self) -> impl Future<Output = ()>;

    /// Sleeps for `ms` milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;

    /// Returns the bytes of a model; `progress` is called only for downloads.
    ///
    /// # Errors
    /// A message that says why they are unavailable.
    fn fetch(
        &self,
        source: ModelSource,
        files: Self::Files,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> impl Future<Output = Result<ModelFiles, String>>;

    /// Marks the download stored under `digest` as suspect because it could not be loaded: it is hashed before its
    /// next use.
    fn distrust(&self, digest: &str) -> impl Future<Output = ()>;

    /// Returns the bytes of all stored downloads; `None` if nothing can be stored.
    fn stored_bytes(&self) -> impl Future<Output = Option<u64>>;

    /// Deletes all stored downloads.
    ///
    /// # Errors
    /// A message that says why they cannot be deleted.
    fn delete_stored(&self) -> impl Future<Output = Result<(), String>>;
}
