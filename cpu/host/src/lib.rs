//! Runs the CPU path's WebAssembly module in a browser.
//!
//! The module (`cpu/wasm`) has its own memory, which its threads share if the page is isolated. This crate loads it,
//! starts the workers of its helper threads, and offers the same calls as `llamaglass_cpu::Model`.

#![cfg(target_arch = "wasm32")]

mod calls;
mod files;
mod helpers;
mod js;
mod memory;
mod model;
mod module;
mod probe;

pub use files::Files;
pub use model::{CpuModel, CpuModelBuilder};
pub use module::default_threads;
