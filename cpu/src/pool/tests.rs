use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::Pool;
use super::shared::MAX_PIECES;

/// Number of repetitions of what depends on chance; Miri is a thousand times slower.
const REPEATS: usize = if cfg!(miri) { 20 } else { 5_000 };

fn counters(pieces: usize) -> Vec<AtomicUsize> {
    (0..pieces).map(|_| AtomicUsize::new(0)).collect()
}

fn values(counters: &[AtomicUsize]) -> Vec<usize> {
    counters.iter().map(|count| count.load(Relaxed)).collect()
}

#[test]
fn run_calls_every_piece_once() {
    for threads in [1, 2, 3, 4] {
        let pool = Pool::new(threads);
        assert_eq!(pool.threads(), threads);
        for pieces in [0, 1, 2, 3, 7, 64] {
            let calls = counters(pieces);
            pool.run(pieces, &|thread, piece| {
                assert!(thread < threads);
                calls[piece].fetch_add(1, Relaxed);
            });
            assert_eq!(values(&calls), vec![1; pieces]);
        }
    }
}

#[test]
fn results_of_short_jobs_are_visible_to_the_caller_and_to_the_next_job() {
    let pool = Pool::new(3);
    // Locks only to keep this code safe: every piece has its own.
    let sums: Vec<Mutex<usize>> = (0..9).map(|_| Mutex::new(0)).collect();
    for round in 0..REPEATS {
        // Each job lives in a frame of its own, which the next one overwrites.
        let add = [round; 9];
        pool.run(9, &|_, piece| {
            *sums[piece].lock().expect("lock") += add[piece]
        });
    }
    let expected = REPEATS * (REPEATS - 1) / 2;
    for sum in &sums {
        assert_eq!(*sum.lock().expect("lock"), expected);
    }
}

#[test]
fn helpers_wake_up_from_sleep() {
    let pool = Pool::new(2);
    for _ in 0..3 {
        // Longer than a helper spins.
        thread::sleep(Duration::from_millis(5));
        let started = AtomicUsize::new(0);
        // Each piece waits for the other, so two threads must take part.
        pool.run(2, &|_, _| {
            started.fetch_add(1, SeqCst);
            while started.load(SeqCst) < 2 {
                thread::yield_now();
            }
        });
    }
}

#[test]
fn caller_does_all_pieces_when_no_helper_comes() {
    let mut pool = Pool::new(2);
    pool.set_threads(1);
    let caller = thread::current().id();
    pool.run(8, &|thread, _| {
        assert_eq!(thread, 0);
        assert_eq!(thread::current().id(), caller);
    });
}

#[test]
fn only_active_threads_take_part() {
    let mut pool = Pool::new(4);
    for active in [2, 4, 1, 3] {
        pool.set_threads(active);
        assert_eq!(pool.threads(), active);
        let seen = Mutex::new(HashSet::new());
        let arrived = AtomicUsize::new(0);
        pool.run(active, &|thread, _| {
            seen.lock().expect("lock").insert(thread);
            arrived.fetch_add(1, SeqCst);
            while arrived.load(SeqCst) < active {
                thread::yield_now();
            }
        });
        assert_eq!(seen.into_inner().expect("lock"), (0..active).collect());
    }
}

#[test]
fn set_threads_keeps_within_the_pool() {
    let mut pool = Pool::new(2);
    pool.set_threads(0);
    assert_eq!(pool.threads(), 1);
    pool.set_threads(9);
    assert_eq!(pool.threads(), 2);
}

#[test]
fn pool_of_no_threads_has_the_caller() {
    assert_eq!(Pool::new(0).threads(), 1);
}

#[test]
fn pool_moves_to_another_thread() {
    let pool = Pool::new(2);
    let calls = thread::spawn(move || {
        let calls = counters(8);
        pool.run(8, &|_, piece| {
            calls[piece].fetch_add(1, Relaxed);
        });
        values(&calls)
    })
    .join()
    .expect("no panic");
    assert_eq!(calls, [1; 8]);
}

#[test]
fn dropping_the_pool_ends_its_threads() {
    let pool = Pool::new(4);
    let shared = Arc::downgrade(pool.helpers.state());
    assert_eq!(shared.strong_count(), 4);
    drop(pool);
    assert_eq!(shared.strong_count(), 0);
}

#[test]
fn panic_on_a_helper_reaches_the_caller_after_all_pieces() {
    let pool = Pool::new(2);
    let calls = counters(16);
    let helped = AtomicBool::new(false);
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool.run(16, &|thread, piece| {
            calls[piece].fetch_add(1, Relaxed);
            if thread != 0 && !helped.swap(true, SeqCst) {
                panic!("piece of a helper");
            }
            // The caller leaves a piece to the helper.
            while !helped.load(SeqCst) {
                thread::yield_now();
            }
        });
    }));
    let payload = result.expect_err("the helper's panic");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"piece of a helper"));
    assert_eq!(values(&calls), [1; 16]);
    // The pool still works.
    let sum = AtomicUsize::new(0);
    pool.run(4, &|_, piece| {
        sum.fetch_add(piece, Relaxed);
    });
    assert_eq!(sum.into_inner(), 6);
}

#[test]
fn job_cannot_start_another() {
    thread_local! {
        static POOL: Pool = Pool::new(2);
    }
    let calls = AtomicUsize::new(0);
    let nested = || {
        POOL.with(|pool| {
            pool.run(2, &|_, _| {
                calls.fetch_add(1, Relaxed);
            });
        });
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        // Alone, so that the job is on the thread that has the pool.
        POOL.with(|pool| pool.run(1, &|_, _| nested()));
    }));
    assert!(result.is_err());
    assert_eq!(calls.load(Relaxed), 0);
    nested();
    assert_eq!(calls.load(Relaxed), 2);
}

#[test]
fn panic_on_the_caller_waits_for_the_helpers() {
    let pool = Pool::new(2);
    let calls = counters(2);
    let started = AtomicUsize::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool.run(2, &|thread, piece| {
            started.fetch_add(1, SeqCst);
            while started.load(SeqCst) < 2 {
                thread::yield_now();
            }
            assert!(thread != 0, "piece of the caller");
            thread::sleep(Duration::from_millis(5));
            calls[piece].fetch_add(1, Relaxed);
        });
    }));
    assert!(result.is_err());
    assert_eq!(values(&calls).iter().sum::<usize>(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "a million pieces take minutes")]
fn job_may_have_more_pieces_than_the_counter_holds() {
    let pool = Pool::new(2);
    let pieces = 2 * MAX_PIECES + 3;
    let (count, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
    pool.run(pieces, &|_, piece| {
        count.fetch_add(1, Relaxed);
        sum.fetch_add(piece, Relaxed);
    });
    assert_eq!(count.into_inner(), pieces);
    assert_eq!(sum.into_inner(), pieces * (pieces - 1) / 2);
}

#[test]
fn ranges_cover_all_items_once() {
    for threads in [1, 2, 3] {
        let pool = Pool::new(threads);
        for items in [0, 1, 5, 16, 100, 1_001] {
            for least in [0, 1, 8, 2_000] {
                let calls = counters(items);
                let ranges = Mutex::new(Vec::new());
                pool.ranges(items, least, &|_, range| {
                    ranges.lock().expect("lock").push(range.len());
                    for item in range {
                        calls[item].fetch_add(1, Relaxed);
                    }
                });
                assert_eq!(values(&calls), vec![1; items]);
                let ranges = ranges.into_inner().expect("lock");
                let shortest = ranges.iter().min().copied().unwrap_or(items);
                assert!(shortest >= least.min(items), "{ranges:?}");
                let longest = ranges.iter().max().copied().unwrap_or(items);
                assert!(longest - shortest <= 1, "{ranges:?}");
            }
        }
    }
}

#[test]
fn single_range_is_computed_by_the_caller() {
    let pool = Pool::new(2);
    let caller = thread::current().id();
    let calls = AtomicUsize::new(0);
    pool.ranges(10, 6, &|thread, range| {
        assert_eq!((thread, range), (0, 0..10));
        assert_eq!(thread::current().id(), caller);
        calls.fetch_add(1, Relaxed);
    });
    assert_eq!(calls.into_inner(), 1);
}
