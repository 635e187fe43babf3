//! The CPU path's module in a browser.
#![cfg_attr(
    target_arch = "wasm32",
    expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")
)]

#[cfg(target_arch = "wasm32")]
#[path = "browser/files.rs"]
mod files;
#[cfg(target_arch = "wasm32")]
#[path = "browser/instance.rs"]
mod instance;
#[cfg(target_arch = "wasm32")]
#[path = "browser/random_model.rs"]
mod random_model;
#[cfg(target_arch = "wasm32")]
#[path = "browser/threads.rs"]
mod threads;

/// The runner calls the tests by itself.
fn main() {}
