//! The memory that a pool's threads share, and the protocol by which they claim pieces.

use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};

use super::event::{Event, Panics};

/// Number of low bits of [`Shared::claims`] that count pieces; the others number the jobs, and wrap around after
/// years.
const PIECE_BITS: u32 = 20;
/// Maximum number of pieces of a job.
pub const MAX_PIECES: usize = (1 << PIECE_BITS) - 1;

/// A job, in the stack frame of [`Shared::run`].
struct Job<'a> {
    body: &'a (dyn Fn(usize, usize) + Sync),
    pieces: usize,
}

/// A piece that this thread has claimed.
struct Claim {
    job: *const Job<'static>,
    /// Number of pieces that were unclaimed before, this one included.
    unclaimed: u64,
}

/// Keeps what one thread writes often away from what others read, on lines of up to 128 bytes.
#[repr(align(128))]
struct OwnLine<T>(T);

/// State of a pool.
///
/// A job is open while pieces of it are unclaimed, and finished when as many pieces were computed as it had.
pub struct Shared {
    /// Number of the latest job << [`PIECE_BITS`] | number of its unclaimed pieces.
    claims: OwnLine<AtomicU64>,
    /// The open job. Dangles when no job is running.
    job: AtomicPtr<Job<'static>>,
    /// Number of threads that work on jobs; [`Self::ENDED`] when helpers have to return.
    active: AtomicUsize,
    /// Number of pieces of the job that are not computed.
    unfinished: OwnLine<AtomicUsize>,
    panics: Panics,
    /// A job opened, or `active` changed.
    opened: OwnLine<Event>,
    /// `active` changed.
    activated: Event,
    /// `unfinished` became 0.
    finished: OwnLine<Event>,
}

impl Shared {
    const ENDED: usize = 0;

    pub const fn new(active: usize) -> Self {
        Self {
            claims: OwnLine(AtomicU64::new(0)),
            job: AtomicPtr::new(ptr::null_mut()),
            active: AtomicUsize::new(active),
            unfinished: OwnLine(AtomicUsize::new(0)),
            panics: Panics::new(),
            opened: OwnLine(Event::new()),
            activated: Event::new(),
            finished: OwnLine(Event::new()),
        }
    }

    /// Lets only threads below `active` work on jobs.
    pub fn set_active(&self, active: usize) {
        self.active.store(active, Release);
        self.activated.notify();
        self.opened.0.notify();
    }

    /// Makes all helpers return from [`Self::help`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn end(&self) {
        self.set_active(Self::ENDED);
    }

    /// Ends the program, because a helper stopped in the middle of a job.
    #[cfg(target_arch = "wasm32")]
    pub fn fail(&self) {
        self.panics.set_fatal();
        self.finished.0.notify();
    }

    /// Works on jobs as helper `thread` until the pool ends.
    pub fn help(&self, thread: usize) {
        loop {
            let active = self.active.load(Acquire);
            if active == Self::ENDED {
                return;
            }
            let changed = || self.active.load(Acquire) != active;
            if thread < active {
                self.opened.0.wait_until(|| self.is_open() || changed());
                self.work(thread);
            } else {
                self.activated.sleep_until(changed);
            }
        }
    }

    /// Runs a job of 1 to [`MAX_PIECES`] pieces with the caller as thread 0. Returns the milliseconds that the caller
    /// waited for pieces of other threads.
    ///
    /// # Safety
    /// No other call may be running.
    pub unsafe fn run(&self, pieces: usize, body: &(dyn Fn(usize, usize) + Sync)) -> f64 {
        let job = Job { body, pieces };
        // The cast erases the lifetime of `body`; see `work` for why no thread uses the job after this function.
        self.job.store(
            ptr::from_ref(&job).cast::<Job<'static>>().cast_mut(),
            Relaxed,
        );
        self.unfinished.0.store(pieces, Relaxed);
        let latest = self.claims.0.load(Relaxed) >> PIECE_BITS;
        let opened = latest.wrapping_add(1) << PIECE_BITS | pieces as u64;
        // Publishes the stores above to every thread that claims a piece.
        self.claims.0.store(opened, Release);
        self.opened.0.notify();
        self.work(0);
        let waited_ms = self
            .finished
            .0
            .wait_until(|| self.unfinished.0.load(Acquire) == 0 || self.panics.is_fatal());
        self.panics.resume();
        waited_ms
    }

    /// Computes unclaimed pieces of the open job until there are none.
    fn work(&self, thread: usize) {
        let mut computed = 0;
        while let Some(claim) = self.claim(thread) {
            self.panics.catch(|| {
                // SAFETY: this thread has claimed a piece of this job and has not yet subtracted it from
                // `unfinished`. `run` returns only after `unfinished` became 0, so the job's frame and what its
                // body borrows exist until the subtraction below. Neither reference outlives this block, and a
                // panic ends in `catch`. `run` wrote the job before it stored `claims`, from which `claim` read.
                let job = unsafe { &*claim.job };
                (job.body)(thread, job.pieces - claim.unclaimed as usize);
            });
            computed += 1;
        }
        // The job can't have changed in between, because pieces of it were unfinished. `self` outlives it.
        if computed > 0 && self.unfinished.0.fetch_sub(computed, AcqRel) == computed && thread != 0
        {
            self.finished.0.notify();
        }
    }

    /// Claims a piece of the open job; `None` if all are claimed or the thread is not active.
    fn claim(&self, thread: usize) -> Option<Claim> {
        loop {
            let claims = self.claims.0.load(Acquire);
            let unclaimed = unclaimed(claims);
            if unclaimed == 0 {
                return None;
            }
            // These two are at least as new as `claims`. If one is newer, then the job of `claims` has finished, so
            // that all its pieces were claimed before, and the exchange below fails because `claims` was changed.
            if thread >= self.active.load(Relaxed) {
                return None;
            }
            let job = self.job.load(Relaxed);
            if self
                .claims
                .0
                .compare_exchange_weak(claims, claims - 1, AcqRel, Relaxed)
                .is_ok()
            {
                return Some(Claim { job, unclaimed });
            }
        }
    }

    fn is_open(&self) -> bool {
        unclaimed(self.claims.0.load(Relaxed)) != 0
    }
}

const fn unclaimed(claims: u64) -> u64 {
    claims & MAX_PIECES as u64
}
