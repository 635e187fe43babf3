//! The task that owns an engine: commands in, events out.
//!
//! [`drive()`] is the only loop that steps an engine. Two drivers run in it: [`page::run`] handles the messages of a
//! page, in a Web Worker or in the desktop program, and [`SharedEngine`] answers any number of threads, for the
//! terminal and the server. Natively both run on an [`EngineThread`].

mod drive;
pub mod page;
#[cfg(not(target_arch = "wasm32"))]
mod shared;
#[cfg(not(target_arch = "wasm32"))]
mod thread;

pub use drive::{Driver, Requests, drive};
#[cfg(not(target_arch = "wasm32"))]
pub use shared::{EngineHandle, EventStream, Gauges, Permit, SharedEngine, SubmitError};
#[cfg(not(target_arch = "wasm32"))]
pub use thread::{EngineThread, StopSignal, ThreadError, capture_panics, run_on_thread};
