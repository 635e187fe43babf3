//! A pool of threads that share a job by claiming its pieces one by one.
//!
//! A step of the model is about 150 short jobs, so starting one costs about a microsecond: idle threads wait awake
//! for a moment before they sleep. A thread that comes late finds no piece left, and nobody waits for it. That keeps the
//! pool useful when other programs keep the cores busy.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

mod event;
mod governor;
mod helpers;
mod shared;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

pub use governor::Governor;
pub use helpers::default_threads;
#[cfg(target_arch = "wasm32")]
pub use helpers::{fail, help};

use helpers::Helpers;
use shared::MAX_PIECES;

/// Number of pieces per thread into which [`Pool::ranges`] splits a job: more even out the threads' speeds, fewer
/// cost less to claim.
const PIECES_PER_THREAD: usize = 4;

/// A pool of threads. The thread that starts a job works on it too, as thread 0.
///
/// The pool can move to another thread, but only one thread uses it at a time, and a job can't start another job.
pub struct Pool {
    helpers: Helpers,
    /// Number of threads that work on jobs, at most that of the pool.
    active: usize,
    /// True during a job. A `Cell`, so that the pool is not `Sync`.
    is_running: Cell<bool>,
    /// Milliseconds that the caller waited for pieces of other threads since [`Pool::take_waited_ms`].
    waited_ms: Cell<f64>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.active)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts a pool of `threads` threads, among them the caller.
    ///
    /// The pool has fewer threads if the system refuses more. In the browser, the page's helpers join by themselves,
    /// and all but one pool at a time have only the caller.
    pub fn new(threads: usize) -> Self {
        let helpers = Helpers::start(threads.max(1));
        Self {
            active: helpers.threads(),
            helpers,
            is_running: Cell::new(false),
            waited_ms: Cell::new(0.0),
        }
    }

    /// Returns the number of threads that work on jobs, among them the caller. A job's thread index is below it.
    pub const fn threads(&self) -> usize {
        self.active
    }

    /// Returns the number of threads that can work on jobs, also those that [`Pool::set_threads`] lets sleep.
    pub const fn capacity(&self) -> usize {
        self.helpers.threads()
    }

    /// Returns the milliseconds that the caller waited for pieces of other threads since the last call. Waits of a few
    /// microseconds do not count.
    pub fn take_waited_ms(&self) -> f64 {
        self.waited_ms.take()
    }

    /// Lets only the first `threads` threads work on jobs, at least the caller and at most all; the others sleep.
    pub fn set_threads(&mut self, threads: usize) {
        let active = threads.clamp(1, self.helpers.threads());
        if active != self.active {
            self.active = active;
            self.helpers.shared().set_active(active);
        }
    }

    /// Calls `job(thread, piece)` once for every piece below `pieces`, and returns when all calls have returned.
    ///
    /// Each thread has only one call at a time, so the thread index may select scratch memory. `run` allocates
    /// nothing.
    ///
    /// # Panics
    /// With the panic of a call, after all other calls have returned; in the browser a panic aborts the program.
    /// And if a job of this pool calls it.
    pub fn run(&self, pieces: usize, job: &(dyn Fn(usize, usize) + Sync)) {
        // A job on this thread may reach the pool, through a thread-local variable.
        assert!(
            !self.is_running.replace(true),
            "a job of a thread pool started another job"
        );
        let _running = Running(&self.is_running);
        if self.active == 1 || pieces <= 1 {
            for piece in 0..pieces {
                job(0, piece);
            }
            return;
        }
        // One round, unless a job has more pieces than the counter can hold.
        for first in (0..pieces).step_by(MAX_PIECES) {
            let round = MAX_PIECES.min(pieces - first);
            // SAFETY: no other thread can call `run` meanwhile, because `Pool` is not `Sync`, and this thread can't
            // come so far, because of the assertion.
            let waited_ms = unsafe {
                self.helpers
                    .shared()
                    .run(round, &|thread, piece| job(thread, first + piece))
            };
            self.waited_ms.set(self.waited_ms.get() + waited_ms);
        }
    }

    /// Calls `job(thread, range)` for ranges that cover `0..items`, of at least `least` items each unless there are
    /// fewer, and returns when all calls have returned. A single range is computed by the caller alone.
    ///
    /// # Panics
    /// As [`Pool::run`].
    pub fn ranges(&self, items: usize, least: usize, job: &(dyn Fn(usize, Range<usize>) + Sync)) {
        if items == 0 {
            return;
        }
        let most = if self.active == 1 {
            1
        } else {
            self.active * PIECES_PER_THREAD
        };
        let pieces = (items / least.max(1)).clamp(1, most);
        let (short, longer) = (items / pieces, items % pieces);
        // The first ranges are one item longer if the items don't divide evenly.
        let start = |piece: usize| piece * short + piece.min(longer);
        self.run(pieces, &|thread, piece| {
            job(thread, start(piece)..start(piece + 1));
        });
    }
}

/// Ends a job when it goes out of scope, also by a panic.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
