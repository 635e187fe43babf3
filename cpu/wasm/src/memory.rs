//! Memory for what the caller passes, and the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::wasm32;

use crate::helpers::is_helper;

/// Alignment of what the caller passes: that of the largest number.
const ALIGNMENT: usize = 8;

/// Allocates memory for the caller and returns its address; 0 if there is none.
#[unsafe(no_mangle)]
extern "C" fn allocate(bytes: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGNMENT) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the size is not 0.
    unsafe { std::alloc::alloc(layout) }
}

/// Frees memory of `bytes` bytes from [`allocate`].
///
/// # Safety
/// `memory` is from a call of `allocate` with the same number of bytes, and not yet freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn release(memory: *mut u8, bytes: usize) {
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        // SAFETY: as the caller promises.
        unsafe { std::alloc::dealloc(memory, layout) }
    }
}

/// The standard allocator, for the caller only: it has no lock, because the standard library was not built for
/// threads. A helper that allocates is stopped.
struct CallerAllocator;

#[global_allocator]
static ALLOCATOR: CallerAllocator = CallerAllocator;

fn check_thread() {
    if is_helper() {
        wasm32::unreachable();
    }
}

// SAFETY: passes every call on to the system's allocator.
unsafe impl GlobalAlloc for CallerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check_thread();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check_thread();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        check_thread();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        check_thread();
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}
