//! Memory and stack limits for a single thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Limits of a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Maximum bytes of memory held at once.
    pub memory: usize,
    /// Maximum bytes of stack. They are checked at each allocation, so recursion that does not allocate goes
    /// unnoticed.
    pub stack: usize,
}

/// Limit that a thread exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    Memory,
    Stack,
}

/// The remaining budget of a thread.
#[derive(Clone, Copy)]
struct Remaining {
    memory: usize,
    /// Address below which the thread's stack must not grow.
    stack_end: usize,
}

type Callback = Box<dyn FnOnce(Exceeded)>;

thread_local! {
    /// `None` on a thread without limits. It has no destructor, so the allocator can read it at any time.
    static REMAINING: Cell<Option<Remaining>> = const { Cell::new(None) };
    /// Callback to run before the thread stops.
    static ON_EXCEEDED: RefCell<Option<Callback>> = const { RefCell::new(None) };
}

/// The system's allocator, which stops a thread that exceeds its budget (see `run_within`).
///
/// A program sets it with `#[global_allocator]`; without it, budgets have no effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct BudgetedAllocator;

/// The same allocator as in the programs.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: BudgetedAllocator = BudgetedAllocator;

// SAFETY: every call goes to the system's allocator with the same arguments. The accounting before it does not
// allocate and does not unwind: `charge` either returns or never does.
unsafe impl GlobalAlloc for BudgetedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        charge(layout.size());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        charge(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        refund(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        charge(new_size);
        refund(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Runs `work` within a budget. A thread that exceeds it calls `on_exceeded` and then sleeps forever with everything it
/// holds, because a failed allocation would end the program, and a thread cannot be ended from outside.
pub(super) fn with_budget<T>(
    budget: Budget,
    on_exceeded: impl FnOnce(Exceeded) + 'static,
    work: impl FnOnce() -> T,
) -> T {
    ON_EXCEEDED.set(Some(Box::new(on_exceeded)));
    REMAINING.set(Some(Remaining {
        memory: budget.memory,
        stack_end: stack_address().saturating_sub(budget.stack),
    }));
    let done = work();
    REMAINING.set(None);
    ON_EXCEEDED.set(None);
    done
}

/// Returns an address in the current stack frame; stacks grow downwards on all supported targets.
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

fn charge(bytes: usize) {
    let Some(remaining) = REMAINING.get() else {
        return;
    };
    if stack_address() < remaining.stack_end {
        stop(Exceeded::Stack);
    }
    match remaining.memory.checked_sub(bytes) {
        Some(memory) => REMAINING.set(Some(Remaining {
            memory,
            ..remaining
        })),
        None => stop(Exceeded::Memory),
    }
}

fn refund(bytes: usize) {
    if let Some(remaining) = REMAINING.get() {
        let memory = remaining.memory.saturating_add(bytes);
        REMAINING.set(Some(Remaining {
            memory,
            ..remaining
        }));
    }
}

#[cold]
fn stop(exceeded: Exceeded) -> ! {
    // The callback may allocate, so lift the limits first.
    REMAINING.set(None);
    if let Some(callback) = ON_EXCEEDED.take() {
        callback(exceeded);
    }
    loop {
        std::thread::sleep(Duration::MAX);
    }
}
