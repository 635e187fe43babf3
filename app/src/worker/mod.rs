//! The worker: what its browser has for the task that owns the engine.

pub mod plan;

#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod download;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod host;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod js;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod sink;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
mod store;

/// Runs the worker; returns at once, since the browser's event loop does the rest.
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
pub fn start() {
    host::start();
}

/// A worker is a thing of browsers.
#[cfg(all(feature = "worker", not(target_arch = "wasm32")))]
pub fn start() {
    eprintln!("the engine's worker runs in a browser; build it for wasm32-unknown-unknown");
}
