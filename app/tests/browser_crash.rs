//! Tests a panic of the page, in a program of its own, because nothing in this WebAssembly can be trusted
//! afterwards.
#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::unwrap_used, reason = "a test may panic")
)]

#[cfg(target_arch = "wasm32")]
mod crash;

/// The test runner calls the test by itself.
fn main() {}
