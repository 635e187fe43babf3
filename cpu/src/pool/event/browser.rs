//! Waiting by the browser's means: `Atomics.wait`, because Rust's own instruction for it is not stable.

use std::hint;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32, fence};

/// How long a thread spins before it sleeps, in milliseconds.
const SPIN_MS: f64 = 0.05;
/// Number of checks between readings of the clock, each of which calls JavaScript.
const CHECKS_PER_READING: u32 = 512;

/// Functions that the module's host provides.
mod host {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        /// Sleeps until `notify(index)`, unless the word with this index in memory is not `expected`.
        pub safe fn wait(index: usize, expected: u32);
        /// Wakes all threads that wait for the word with this index in memory.
        pub safe fn notify(index: usize);
        /// Returns the milliseconds since a fixed moment.
        pub safe fn now() -> f64;
    }
}

/// A change of shared state for which threads wait.
pub struct Event {
    sleepers: AtomicU32,
    /// Number of notifications to sleepers.
    bell: AtomicU32,
}

impl Event {
    pub const fn new() -> Self {
        Self {
            sleepers: AtomicU32::new(0),
            bell: AtomicU32::new(0),
        }
    }

    /// Wakes the sleepers. Call it after the change.
    pub fn notify(&self) {
        // Either this thread sees the sleeper, or the sleeper's check sees the change: the fence in `sleep_until`
        // is before or after this one.
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 {
            self.bell.fetch_add(1, SeqCst);
            host::notify(self.bell_index());
        }
    }

    /// Returns when `is_ready` is true, after a short spin or a sleep. Returns the milliseconds of the wait, or zero if
    /// it was so short that no clock was read.
    pub fn wait_until(&self, is_ready: impl Fn() -> bool) -> f64 {
        let mut start = None;
        if !is_ready_soon(&is_ready, &mut start) {
            self.sleep_until(is_ready);
        }
        start.map_or(0.0, |start| host::now() - start)
    }

    /// Sleeps until `is_ready` is true.
    pub fn sleep_until(&self, is_ready: impl Fn() -> bool) {
        self.sleepers.fetch_add(1, Relaxed);
        loop {
            // Read before the check, so that a notification after it changes the number and prevents the sleep.
            let expected = self.bell.load(SeqCst);
            fence(SeqCst);
            if is_ready() {
                break;
            }
            host::wait(self.bell_index(), expected);
        }
        self.sleepers.fetch_sub(1, Relaxed);
    }

    /// Returns the index of the bell among the words of the memory, as `Atomics` counts.
    fn bell_index(&self) -> usize {
        self.bell.as_ptr().addr() / size_of::<u32>()
    }
}

/// Spins for at most [`SPIN_MS`]. Returns true if `is_ready` became true. Sets `start` after the first
/// checks.
fn is_ready_soon(is_ready: &impl Fn() -> bool, start: &mut Option<f64>) -> bool {
    loop {
        for _ in 0..CHECKS_PER_READING {
            if is_ready() {
                return true;
            }
            hint::spin_loop();
        }
        let now = host::now();
        if now - *start.get_or_insert(now) > SPIN_MS {
            return false;
        }
    }
}

/// Panics of a job. They abort the instance that they occur in, so that only the program as a whole can end.
pub struct Panics {
    is_fatal: AtomicBool,
}

impl Panics {
    pub const fn new() -> Self {
        Self {
            is_fatal: AtomicBool::new(false),
        }
    }

    /// Runs `work`.
    pub fn catch(&self, work: impl FnOnce()) {
        work();
    }

    /// Notes that a helper was aborted.
    pub fn set_fatal(&self) {
        self.is_fatal.store(true, SeqCst);
    }

    /// Returns true if a helper was aborted, and a job may never be finished.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal.load(Relaxed)
    }

    /// Aborts the caller, too, if a helper was aborted.
    pub fn resume(&self) {
        assert!(!self.is_fatal(), "a thread of the CPU path stopped");
    }
}
