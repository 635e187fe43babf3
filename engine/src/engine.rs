//! The engine: requests in, events out, one step at a time.
//!
//! An engine owns one model on one device and answers a batch of requests at a time. Its driver calls
//! `Engine::step` until the engine is idle, and may submit or abort requests between steps. In a browser
//! nothing here blocks the thread, because waiting for the device is an `await`; natively a step blocks the
//! driver's thread.

mod ablations;
mod error;
mod random_logits;
mod type_counts;

mod ablated;
mod bare;
mod issue;
mod laps;
mod load;
mod logits;
mod prepare;
mod profile;
mod running;
mod sequence;
mod step;
mod stubbed;
mod take_in;

pub use ablations::{Ablations, EagerLogs};
pub use error::EngineError;
pub use type_counts::type_counts;

pub use bare::BareRun;
pub use load::{memory_ledger, probe};
pub use prepare::{PreparedRequest, Preparer};
pub use running::Engine;
