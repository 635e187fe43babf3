//! Running a job allocates nothing, on any thread.

#![cfg(not(target_arch = "wasm32"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use llamaglass_cpu::pool::Pool;

struct CountingAllocator;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes every call on to the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

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
    let before = ALLOCATIONS.load(Relaxed);
    for _ in 0..1_000 {
        work();
    }
    // Wakes helpers that sleep, too.
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(2));
        work();
    }
    assert_eq!(ALLOCATIONS.load(Relaxed) - before, 0);
    assert_eq!(sum.into_inner(), 1_006 * (66 + 100));
}
