//! Parity of the engine in a browser.
#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")
)]

#[cfg(target_arch = "wasm32")]
#[path = "../../cpu/host/tests/browser/files.rs"]
mod cpu_files;
#[cfg(target_arch = "wasm32")]
#[path = "browser/parity_cases.rs"]
mod parity_cases;

/// The runner calls the tests by itself.
fn main() {}
