//! The page's engine program: runs the driver in a Web Worker, and downloads and stores models for it.

pub mod plan;

#[cfg(target_arch = "wasm32")]
mod download;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(target_arch = "wasm32")]
mod sink;
#[cfg(target_arch = "wasm32")]
mod store;

/// Starts the driver and returns at once; the browser's event loop does the rest.
#[cfg(target_arch = "wasm32")]
pub fn start() {
    host::start();
}

/// Prints an error, because a worker runs only in a browser.
#[cfg(not(target_arch = "wasm32"))]
pub fn start() {
    eprintln!("the engine's worker runs in a browser; build it for wasm32-unknown-unknown");
}
