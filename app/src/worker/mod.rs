//! The engine's side of the worker: commands in, steps between them, replies out.

pub mod plan;

#[cfg(target_arch = "wasm32")]
mod actor;
#[cfg(target_arch = "wasm32")]
mod download;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(target_arch = "wasm32")]
mod sink;
#[cfg(target_arch = "wasm32")]
mod store;

/// Runs the worker; returns at once, since the browser's event loop does the rest.
#[cfg(target_arch = "wasm32")]
pub fn start() {
    actor::start();
}

/// A worker is a thing of browsers.
#[cfg(not(target_arch = "wasm32"))]
pub fn start() {
    eprintln!("the engine's worker runs in a browser; build it for wasm32-unknown-unknown");
}
