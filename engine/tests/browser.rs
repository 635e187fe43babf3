//! The engine in a browser.
#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")
)]

#[cfg(target_arch = "wasm32")]
#[path = "browser/kernels.rs"]
mod kernels;

/// The runner calls the tests by itself.
fn main() {}
