//! The engine: requests in, events out, one step at a time.
//!
//! An engine owns one model on one device and answers a batch of requests at a time. Its driver calls
//! `Engine::step` until the engine is idle, and may submit or abort requests between steps. In a browser
//! nothing here blocks the thread, because waiting for the device is an `await`; natively a step blocks the
//! driver's thread.

mod bare;
mod error;
mod load;
mod logits;
mod prepare;
mod process_output;
mod profile;
mod sequence;
mod source;
mod state;
mod step;
mod submit_step;
mod type_counts;

pub use error::EngineError;
pub use type_counts::type_counts;

pub use bare::BareRun;
pub use load::{DEPTH_MAX, memory_ledger, probe};
pub use prepare::{PreparedRequest, Preparer};
pub use source::ModelSource;
pub use state::Engine;
