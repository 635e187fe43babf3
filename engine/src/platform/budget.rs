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

/// The part of a budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Memory,
    Stack,
}

/// The remaining budget of a thread.
#[derive(Clone, Copy)]
struct Left {
    memory: usize,
    /// Address below which the thread's stack must not grow.
    stack_end: usize,
}

type Told = Box<dyn FnOnce(Spent)>;

thread_local! {
    /// `None` on a thread without limits. It has no destructor, so the allocator can read it at any time.
    static LEFT: Cell<Option<Left>> = const { Cell::new(None) };
    /// Callback to run before the thread stops.
    static SPENT: RefCell<Option<Told>> = const { RefCell::new(None) };
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
// allocate and does not unwind: `take` either returns or never does.
unsafe impl GlobalAlloc for BudgetedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        take(new_size);
        give_back(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Runs `work` within a budget. A thread that exceeds it calls `spent` and then sleeps forever with everything it
/// holds, because a failed allocation would end the program, and a thread cannot be ended from outside.
pub(super) fn with_budget<T>(
    budget: Budget,
    spent: impl FnOnce(Spent) + 'static,
    work: impl FnOnce() -> T,
) -> T {
    SPENT.set(Some(Box::new(spent)));
    LEFT.set(Some(Left {
        memory: budget.memory,
        stack_end: stack_address().saturating_sub(budget.stack),
    }));
    let done = work();
    LEFT.set(None);
    SPENT.set(None);
    done
}

/// Returns an address in the current stack frame; stacks grow downwards on all supported targets.
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

fn take(bytes: usize) {
    let Some(left) = LEFT.get() else {
        return;
    };
    if stack_address() < left.stack_end {
        stop(Spent::Stack);
    }
    match left.memory.checked_sub(bytes) {
        Some(memory) => LEFT.set(Some(Left { memory, ..left })),
        None => stop(Spent::Memory),
    }
}

fn give_back(bytes: usize) {
    if let Some(left) = LEFT.get() {
        let memory = left.memory.saturating_add(bytes);
        LEFT.set(Some(Left { memory, ..left }));
    }
}

#[cold]
fn stop(spent: Spent) -> ! {
    // The callback may allocate, so lift the limits first.
    LEFT.set(None);
    if let Some(tell) = SPENT.take() {
        tell(spent);
    }
    loop {
        std::thread::sleep(Duration::MAX);
    }
}
