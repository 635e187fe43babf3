//! Replaces the crate `inventory` in the page with macros that register nothing.
//!
//! In burn's GPU runtime, only the compiler's intermediate representation (`pliron`) uses `inventory`, and
//! only on wasm: each operation and trait registers itself in a constructor of the module. A linker can't drop
//! code that a constructor references. So a page that compiles only its own WGSL would still contain that
//! compiler's parser, printer and verifiers: 0.76 MB of its worker's 2.90 MB, gzipped. Without the
//! registrations, that code is dead and the linker drops it. burn's own kernels can't be compiled then, but
//! the page has none (see `engine`'s feature `reference`).
#![no_std]

/// Declares a type whose values are collected. Expands to nothing.
#[macro_export]
macro_rules! collect {
    ($($what:tt)*) => {};
}

/// Registers a value. Expands to nothing.
#[macro_export]
macro_rules! submit {
    ($($what:tt)*) => {};
}

/// Returns an empty iterator, because no value is ever registered.
pub const fn iter<T: 'static>() -> core::iter::Empty<&'static T> {
    core::iter::empty()
}
