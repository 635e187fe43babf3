//! Helper threads: their stacks, and their work.

use std::cell::UnsafeCell;

use llamaglass_cpu::pool;

/// Maximum number of helpers.
const MAX_HELPERS: usize = 31;
/// Size of a helper's stack. A helper runs only kernels, which need a few kilobytes.
const STACK_BYTES: usize = 64 << 10;

#[repr(C, align(16))]
struct Stacks(UnsafeCell<[[u8; STACK_BYTES]; MAX_HELPERS]>);

// SAFETY: nothing refers to the bytes; each helper has a stack of its own.
unsafe impl Sync for Stacks {}

/// Stacks of the helpers. A static, so that an address shows whether a helper is running.
static STACKS: Stacks = Stacks(UnsafeCell::new([[0; STACK_BYTES]; MAX_HELPERS]));

/// Returns the address at which the stack of helper `thread`, from 1 on, begins to grow downwards; 0 if there is no
/// stack for it. Its instance needs it in `__stack_pointer` before any other call.
#[unsafe(no_mangle)]
extern "C" fn stack_top(thread: usize) -> usize {
    if (1..=MAX_HELPERS).contains(&thread) {
        STACKS.0.get().addr() + thread * STACK_BYTES
    } else {
        0
    }
}

/// Works as helper `thread` of the pool, and never returns.
#[unsafe(no_mangle)]
extern "C" fn help(thread: usize) {
    pool::help(thread);
}

/// Notes that a helper was stopped by an error, so that the caller does not wait for it.
#[unsafe(no_mangle)]
extern "C" fn fail() {
    pool::fail();
}

/// Returns true if the running thread is a helper.
pub fn is_helper() -> bool {
    let local = 0u8;
    let here = (&raw const local).addr();
    let start = STACKS.0.get().addr();
    (start..start + size_of::<Stacks>()).contains(&here)
}
