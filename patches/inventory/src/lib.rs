//! Stands in for the crate `inventory` in the page: nothing is ever registered.
//!
//! In burn's GPU runtime, only the compiler's intermediate representation (`pliron`) uses it, and
//! only on wasm: every operation and trait registers itself in a constructor of the module. What a
//! constructor names can't be dropped by a linker, so a page that compiles nothing but its own WGSL
//! would carry that compiler's parser, printer and verifiers: 0.76 of its worker's 2.90 MB, gzipped.
//! Without the registrations they are dead, and so dropped. The kernels of burn itself can't be
//! compiled then; the page has none (see `engine`'s feature `gpu-reference`).
#![no_std]

/// Where a crate says what it collects: nothing is.
#[macro_export]
macro_rules! collect {
    ($($what:tt)*) => {};
}

/// Where a crate registers something: it is not.
#[macro_export]
macro_rules! submit {
    ($($what:tt)*) => {};
}

/// What was registered: nothing.
pub const fn iter<T: 'static>() -> core::iter::Empty<&'static T> {
    core::iter::empty()
}
