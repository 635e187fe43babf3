//! Measures the peak rates of the CPU: how fast its threads read memory, and how fast they multiply and add.

use std::hint::black_box;

use llamaglass_types::ThreadRates;

use crate::kernels::MAX_SUMS;
use crate::matrix::{GROUP, RowWords};
use crate::model::{ModelError, Runtime};
use crate::split::for_each_chunk;

/// Size of a measurement.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Bytes to read, at least one per piece.
    bytes: usize,
    /// Rounds of multiply-adds per piece of a job.
    rounds: usize,
    /// Milliseconds for which each rate is measured.
    ms: f64,
}

/// Bytes to read: more than the caches of a common machine hold. A larger machine has more cores, each with at most
/// [`BYTES_PER_THREAD`] of cache.
const BYTES: usize = if cfg!(target_arch = "wasm32") {
    64 << 20
} else {
    256 << 20
};
const BYTES_PER_THREAD: usize = 16 << 20;
/// Pieces per thread of a job of multiply-adds: a thread that comes late takes fewer.
const PIECES_PER_THREAD: usize = 16;
/// Minimum and maximum number of timed runs; the best one counts.
const RUNS: std::ops::Range<usize> = 3..1_000;
/// Number of threads up to which every number is measured; above it, only powers of two and the pool's are.
const EVERY: usize = 16;

impl Runtime {
    /// Measures the peak rates of 1, 2, .. and of all threads of the pool, which takes about 0.2 s per number of
    /// threads. A pool of more than 16 threads is measured at powers of two and with all threads.
    ///
    /// # Errors
    /// [`ModelError::Memory`] if there is no memory to read.
    pub fn peak_rates(&mut self) -> Result<Vec<ThreadRates>, ModelError> {
        self.measure(Size {
            bytes: BYTES.max(BYTES_PER_THREAD * self.pool.capacity()),
            rounds: 1 << 15,
            ms: 100.0,
        })
    }

    fn measure(&mut self, size: Size) -> Result<Vec<ThreadRates>, ModelError> {
        let active = self.pool.threads();
        let words = self.words(size.bytes)?;
        let mut rates = Vec::new();
        for threads in numbers(self.pool.capacity()) {
            self.pool.set_threads(threads);
            let read_ms = self.best_ms(size.ms, || {
                self.pool.ranges(words.len(), 1, &|_, range| {
                    let mut sums = [[0.0; GROUP]; 2];
                    self.kernels.read(&words[range], &mut sums);
                    black_box(sums);
                });
            });
            let pieces = PIECES_PER_THREAD * threads;
            let flop = size.rounds * pieces * 2 * self.kernels.sums();
            let compute_ms = self.best_ms(size.ms, || {
                self.pool.run(pieces, &|_, _| {
                    let mut sums = black_box([1.0; MAX_SUMS]);
                    self.kernels
                        .multiply_adds(size.rounds, [0.5, 1.0], &mut sums);
                    black_box(sums);
                });
            });
            rates.push(ThreadRates {
                threads,
                read_gb_s: size_of_val(&*words) as f64 / read_ms / 1e6,
                gflop_s: flop as f64 / compute_ms / 1e6,
            });
        }
        self.pool.set_threads(active);
        // These waits say nothing about the next step.
        self.pool.take_waited_ms();
        Ok(rates)
    }

    /// Allocates `bytes` of memory. The threads write it, because memory that was never written need not exist.
    fn words(&self, bytes: usize) -> Result<Vec<RowWords>, ModelError> {
        let count = bytes.div_ceil(size_of::<RowWords>());
        let mut words = Vec::new();
        words
            .try_reserve_exact(count)
            .map_err(|_| ModelError::Memory { bytes })?;
        words.resize(count, RowWords::default());
        let mut scratch = vec![(); self.pool.capacity()];
        for_each_chunk(
            &self.pool,
            1,
            &mut words,
            1,
            &mut scratch,
            |(), _, words| {
                words[0] = RowWords([1f32.to_bits(); GROUP]);
            },
        );
        Ok(words)
    }

    /// Returns the shortest time of `run`, which is called for `ms` milliseconds.
    fn best_ms(&self, ms: f64, run: impl Fn()) -> f64 {
        // Wakes the threads, and fills what caches there are.
        run();
        let start = (self.clock)();
        let mut best = f64::INFINITY;
        let mut last = start;
        for done in 1..RUNS.end {
            run();
            let now = (self.clock)();
            best = best.min(now - last);
            last = now;
            if done >= RUNS.start && now - start >= ms {
                break;
            }
        }
        // A clock that saw no time pass must not give an infinite rate.
        best.max(1e-6)
    }
}

/// Returns the numbers of threads to measure, ascending; the last one is `all`.
fn numbers(all: usize) -> Vec<usize> {
    if all <= EVERY {
        return (1..=all).collect();
    }
    let powers = (0..usize::BITS).map(|power| 1 << power);
    powers
        .take_while(|power| *power < all)
        .chain([all])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_measured_at_each_number_of_threads() {
        static TIME: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        // Every call of the clock is a millisecond later.
        let clock = || f64::from(TIME.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let mut runtime = Runtime::new(None, 3, clock).expect("a runtime");
        let size = Size {
            bytes: 100 * size_of::<RowWords>() - 1,
            rounds: 5,
            ms: 2.0,
        };
        let rates = runtime.measure(size).expect("memory");
        let per_round = 2 * runtime.kernels.sums();
        let wanted = [1, 2, 3].map(|threads| ThreadRates {
            threads,
            read_gb_s: 6_400.0 / 1e6,
            gflop_s: (5 * 16 * threads * per_round) as f64 / 1e6,
        });
        assert_eq!(rates, wanted);
        assert_eq!(runtime.pool.threads(), 3);
    }

    #[test]
    fn large_pools_are_measured_at_powers_of_two() {
        assert_eq!(numbers(1), [1]);
        assert_eq!(numbers(16).len(), 16);
        assert_eq!(numbers(17), [1, 2, 4, 8, 16, 17]);
        assert_eq!(numbers(64), [1, 2, 4, 8, 16, 32, 64]);
    }

    #[test]
    fn missing_memory_is_an_error() {
        let runtime = Runtime::new(None, 1, || 0.0).expect("a runtime");
        let error = runtime.words(isize::MAX as usize).expect_err("too much");
        assert!(error.to_string().contains("bytes"), "{error}");
    }
}
