//! The helper threads of a pool: how they start and end.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::{Helpers, default_threads, fail, help};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Helpers, default_threads};
