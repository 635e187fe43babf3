//! Lets threads sleep while other programs need their cores.

use super::Pool;

/// Share of a step that the caller may wait for other threads. Uneven pieces cost up to a tenth; a thread that loses
/// its core while it holds a piece costs several milliseconds, the whole time of a small model's step.
const MAX_WAIT_SHARE: f64 = 0.25;
/// Weight of the latest step in the average share.
const LATEST: f64 = 0.25;
/// Time for which threads sleep at first; twice as long each time that they are in the way again.
const FIRST_PAUSE_MS: f64 = 100.0;
/// Maximum time for which threads sleep.
const MAX_PAUSE_MS: f64 = 2_000.0;
/// Number of steps after which threads that came back count as useful.
const TRIAL_STEPS: u32 = 32;

/// Watches how long a pool's caller waits for the other threads. If they are often late, because other programs keep
/// the cores busy, half of them sleep for a while. So several threads are at worst about as slow as one.
#[derive(Debug)]
pub struct Governor {
    /// Maximum number of threads.
    limit: usize,
    wait_share: f64,
    pause_ms: f64,
    resume_at_ms: f64,
    steps: u32,
}

impl Default for Governor {
    fn default() -> Self {
        Self {
            limit: usize::MAX,
            wait_share: 0.0,
            pause_ms: FIRST_PAUSE_MS,
            resume_at_ms: f64::NEG_INFINITY,
            steps: 0,
        }
    }
}

impl Governor {
    /// Returns the maximum number of threads.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Lets at most `threads` threads of `pool` work from now on, and at least one.
    pub fn set_limit(&mut self, pool: &mut Pool, threads: usize) {
        self.limit = threads.max(1);
        pool.set_threads(threads);
    }

    /// Sets the number of `pool`'s threads for the next step, after one that ended at `now_ms` and took `step_ms`.
    pub fn after_step(&mut self, pool: &mut Pool, now_ms: f64, step_ms: f64) {
        let share = pool.take_waited_ms() / step_ms.max(1e-3);
        let capacity = pool.capacity().min(self.limit);
        if let Some(threads) = self.judge(share, now_ms, pool.threads(), capacity) {
            pool.set_threads(threads);
        }
    }

    /// Returns the new number of threads, if it changes.
    fn judge(&mut self, share: f64, now_ms: f64, threads: usize, capacity: usize) -> Option<usize> {
        self.wait_share += LATEST * (share.min(1.0) - self.wait_share);
        self.steps = self.steps.saturating_add(1);
        if threads > 1 && self.wait_share > MAX_WAIT_SHARE {
            self.wait_share = 0.0;
            self.resume_at_ms = now_ms + self.pause_ms;
            self.pause_ms = (2.0 * self.pause_ms).min(MAX_PAUSE_MS);
            self.steps = 0;
            return Some(threads / 2);
        }
        if threads < capacity && now_ms >= self.resume_at_ms {
            self.wait_share = 0.0;
            self.steps = 0;
            return Some(capacity);
        }
        if threads == capacity && self.steps >= TRIAL_STEPS {
            self.pause_ms = FIRST_PAUSE_MS;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn governor_halves_threads_that_are_late_and_tries_them_again() {
        let mut governor = Governor::default();
        for step in 0..100 {
            assert_eq!(governor.judge(0.1, f64::from(step), 8, 8), None);
        }
        assert_eq!(governor.judge(0.9, 100.0, 8, 8), Some(4));
        assert_eq!(governor.judge(0.1, 150.0, 4, 8), None);
        assert_eq!(governor.judge(0.1, 201.0, 4, 8), Some(8));
        // Late again before the trial ended: a longer pause.
        assert_eq!(governor.judge(1.0, 202.0, 8, 8), None);
        assert_eq!(governor.judge(1.0, 203.0, 8, 8), Some(4));
        assert_eq!(governor.judge(0.0, 304.0, 4, 8), None);
        assert_eq!(governor.judge(0.0, 404.0, 4, 8), Some(8));
    }

    #[test]
    fn governor_leaves_a_single_thread_alone() {
        let mut governor = Governor::default();
        assert_eq!(governor.judge(1.0, 0.0, 1, 1), None);
    }
}
