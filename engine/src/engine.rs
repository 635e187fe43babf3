//! The engine: requests in, events out, one step at a time.
//!
//! An engine owns one model on one device and answers a batch of requests at a time. Its driver calls
//! `Engine::step` until the engine is idle, and may submit or abort requests between steps. In a browser
//! nothing here blocks the thread, because waiting for the device is an `await`; natively a step blocks the
//! driver's thread.

mod error;
mod info;
mod options;

#[cfg(feature = "compute")]
mod bare;
#[cfg(feature = "compute")]
mod load;
#[cfg(feature = "compute")]
mod logits;
#[cfg(feature = "compute")]
mod prepare;
#[cfg(feature = "compute")]
mod process_output;
#[cfg(feature = "compute")]
mod profile;
#[cfg(feature = "compute")]
mod sequence;
#[cfg(feature = "compute")]
mod source;
#[cfg(feature = "compute")]
mod state;
#[cfg(feature = "compute")]
mod step;
#[cfg(feature = "compute")]
mod submit_step;

pub use error::EngineError;
pub use info::{ModelInfo, TypeCount, type_counts};
pub use options::{BackendChoice, LoadOptions, LoadPhase, LoadProgress};

#[cfg(feature = "compute")]
pub use bare::BareRun;
#[cfg(feature = "compute")]
pub use load::{DEPTH_MAX, memory_ledger, probe};
#[cfg(feature = "compute")]
pub use prepare::{PreparedRequest, Preparer};
#[cfg(feature = "compute")]
pub use source::ModelSource;
#[cfg(feature = "compute")]
pub use state::Engine;
