//! Tests the page in a real browser, over a mock engine.
#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::unwrap_used, reason = "a test may panic")
)]

#[cfg(target_arch = "wasm32")]
mod mock;
#[cfg(target_arch = "wasm32")]
mod page;

/// The test runner calls the tests by itself.
fn main() {}
