//! Running a job allocates nothing, on any thread.

#![cfg(not(target_arch = "wasm32"))]

mod counting_allocator;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use counting_allocator::allocations;
use llamaglass_cpu::pool::Pool;

#[test]
fn run_and_ranges_allocate_nothing() {
    let pool = Pool::new(3);
    let sum = AtomicUsize::new(0);
    let work = || {
        pool.run(12, &|_, piece| {
            sum.fetch_add(piece, Relaxed);
        });
        pool.ranges(100, 4, &|_, range| {
            sum.fetch_add(range.len(), Relaxed);
        });
    };
    // Starts the threads.
    work();
    thread::sleep(Duration::from_millis(20));
    let before = allocations();
    for _ in 0..1_000 {
        work();
    }
    // Wakes helpers that sleep, too.
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(2));
        work();
    }
    assert_eq!(allocations() - before, 0);
    assert_eq!(sum.into_inner(), 1_006 * (66 + 100));
}
