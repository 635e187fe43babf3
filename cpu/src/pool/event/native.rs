//! Waiting by the operating system's means.

use std::any::Any;
use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread waits awake before it sleeps: longer than the pauses between the jobs of a step.
const AWAKE: Duration = Duration::from_micros(50);
/// How long a thread spins before it lets others run between its checks. On a busy system, the thread for which it
/// waits may be ready on the same core, and would otherwise lose the rest of [`AWAKE`] in every job.
const SPIN: Duration = Duration::from_micros(10);
/// Number of checks between readings of the clock.
const CHECKS_PER_READING: u32 = 32;

/// A change of shared state for which threads wait.
pub struct Event {
    sleepers: AtomicU32,
    lock: Mutex<()>,
    condition: Condvar,
}

impl Event {
    pub const fn new() -> Self {
        Self {
            sleepers: AtomicU32::new(0),
            lock: Mutex::new(()),
            condition: Condvar::new(),
        }
    }

    /// Wakes the sleepers. Call it after the change.
    pub fn notify(&self) {
        // Either this thread sees the sleeper, or the sleeper's check sees the change: the fence in `sleep_until`
        // is before or after this one.
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 {
            // A sleeper holds the lock from its check until it sleeps, so it is not missed in between.
            drop(lock(&self.lock));
            self.condition.notify_all();
        }
    }

    /// Returns when `is_ready` is true, after a short wait awake or a sleep. Returns the milliseconds of the wait, or
    /// zero if it was so short that no clock was read.
    pub fn wait_until(&self, is_ready: impl Fn() -> bool) -> f64 {
        let mut start = None;
        if !is_ready_soon(&is_ready, &mut start) {
            self.sleep_until(is_ready);
        }
        start.map_or(0.0, |start| start.elapsed().as_secs_f64() * 1e3)
    }

    /// Sleeps until `is_ready` is true.
    pub fn sleep_until(&self, is_ready: impl Fn() -> bool) {
        let mut held = lock(&self.lock);
        self.sleepers.fetch_add(1, Relaxed);
        fence(SeqCst);
        while !is_ready() {
            held = self
                .condition
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Relaxed);
    }
}

/// Waits awake for at most [`AWAKE`]. Returns true if `is_ready` became true. Sets `start` after the first checks.
fn is_ready_soon(is_ready: &impl Fn() -> bool, start: &mut Option<Instant>) -> bool {
    loop {
        for _ in 0..CHECKS_PER_READING {
            if is_ready() {
                return true;
            }
            hint::spin_loop();
        }
        let elapsed = start.get_or_insert_with(Instant::now).elapsed();
        if elapsed > AWAKE {
            return false;
        }
        if elapsed > SPIN {
            thread::yield_now();
        }
    }
}

/// The first panic of a job.
pub struct Panics {
    any: AtomicBool,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panics {
    pub const fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            payload: Mutex::new(None),
        }
    }

    /// Runs `work` and keeps its panic.
    pub fn catch(&self, work: impl FnOnce()) {
        // What a panic leaves half done is seen only by the caller, to whom the panic goes on.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            lock(&self.payload).get_or_insert(payload);
            self.any.store(true, Release);
        }
    }

    /// Returns false: a helper survives all panics.
    pub const fn is_fatal(&self) -> bool {
        false
    }

    /// Panics with the kept panic, if there is one.
    pub fn resume(&self) {
        if !self.any.load(Acquire) {
            return;
        }
        self.any.store(false, Relaxed);
        let payload = lock(&self.payload).take();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
