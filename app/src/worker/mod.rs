//! The worker, which hosts the engine's task in a browser.

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

/// Starts the worker and returns at once; the browser's event loop does the rest.
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
pub fn start() {
    host::start();
}

/// Prints an error, because a worker runs only in a browser.
#[cfg(all(feature = "worker", not(target_arch = "wasm32")))]
pub fn start() {
    eprintln!("the engine's worker runs in a browser; build it for wasm32-unknown-unknown");
}
