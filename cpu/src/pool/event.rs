//! Waiting for another thread: a short spin, then sleep.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::{Event, Panics};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Event, Panics};
