//! Work that may recurse without end, or never end, because a file of somebody else decides on it.

use std::time::Duration;

/// Bytes of stack for work that somebody else's file decides on. The system gives memory only as far as it is
/// used.
#[cfg(all(not(target_arch = "wasm32"), target_pointer_width = "64"))]
const UNTRUSTED_STACK: usize = 1 << 30;
/// A 32-bit address space has no room for more.
#[cfg(all(not(target_arch = "wasm32"), not(target_pointer_width = "64")))]
const UNTRUSTED_STACK: usize = 64 << 20;

/// Reasons for work to have no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// It was still running after its time. Its thread goes on, and nobody waits for it any more.
    #[error("it did not end within {} s", .0.as_secs_f64())]
    TooLong(Duration),
    /// It panicked.
    #[error("it failed unexpectedly")]
    Panicked,
    /// The system has no thread to give.
    #[error("the system has no thread for it: {0}")]
    NoThread(String),
}

/// Runs `work` on a thread with a large stack, and gives it up after `limit`.
///
/// # Errors
/// [`GivenUp`].
#[cfg(not(target_arch = "wasm32"))]
pub fn run_within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GivenUp> {
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};

    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("untrusted".into())
        .stack_size(UNTRUSTED_STACK)
        .spawn(move || {
            // After the limit nobody listens.
            let _late = sender.send(work());
        })
        .map_err(|error| GivenUp::NoThread(error.to_string()))?;
    receiver.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => GivenUp::TooLong(limit),
        RecvTimeoutError::Disconnected => GivenUp::Panicked,
    })
}

/// Runs `work` here: a browser's worker is one thread, which the page can end.
///
/// # Errors
/// None: natively there are.
#[cfg(target_arch = "wasm32")]
pub fn run_within<T>(_: Duration, work: impl FnOnce() -> T) -> Result<T, GivenUp> {
    Ok(work())
}
