//! Helpers that are workers of the page, which live as long as the module's memory.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::pool::shared::Shared;

/// State that the module's helpers share with its one pool. One thread is active until there is a pool.
static SHARED: Shared = Shared::new(1);
/// True while a pool uses [`SHARED`].
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The helpers of the module, or none if another pool has them.
pub struct Helpers {
    threads: usize,
}

impl Helpers {
    /// Takes the module's helpers, unless another pool has them.
    pub fn start(threads: usize) -> Self {
        if threads == 1 || IS_TAKEN.swap(true, Relaxed) {
            return Self { threads: 1 };
        }
        SHARED.set_active(threads);
        Self { threads }
    }

    /// Returns the number of threads, among them the caller.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    #[expect(clippy::unused_self, reason = "a native pool has its own state")]
    pub fn shared(&self) -> &Shared {
        &SHARED
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        if self.threads > 1 {
            SHARED.set_active(1);
            IS_TAKEN.store(false, Relaxed);
        }
    }
}

/// Works on jobs as thread `thread` of the module's pool, and never returns. A helper's worker calls it.
pub fn help(thread: usize) {
    SHARED.help(thread);
}

/// Notes that a helper was stopped by an error: its caller, who may wait for it, then panics.
pub fn fail() {
    SHARED.fail();
}

/// Returns 1: only the page knows the number of cores.
pub const fn default_threads() -> usize {
    1
}
