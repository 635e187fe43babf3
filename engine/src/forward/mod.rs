//! The forward pass: the model on a device.
//!
//! Descriptions (adapters, memory, errors) are available without the feature `compute`, for programs that
//! show a model running elsewhere.

mod error;
mod format;
mod info;
mod memory;
mod path;
mod roofline;
mod shape;

#[cfg(feature = "compute")]
pub mod device;
#[cfg(feature = "compute")]
pub(crate) mod fast;
#[cfg(feature = "compute")]
pub mod gpu;
#[cfg(feature = "compute")]
mod load_watch;
#[cfg(feature = "compute")]
mod loader;
#[cfg(feature = "compute")]
pub mod queue;
#[cfg(feature = "compute")]
pub(crate) mod reference;
#[cfg(feature = "compute")]
mod rope;
#[cfg(feature = "compute")]
mod rows;
#[cfg(feature = "compute")]
mod sampling_mode;

pub use error::{ForwardError, LoadError};
pub use info::{Backend, BackendInfo, limit};
pub use memory::{MemoryLedger, available, largest_buffer};
pub use path::ForwardPath;
pub use roofline::Roofline;
pub use shape::{KvType, MAX_BATCH, Shape};

#[cfg(feature = "compute")]
pub use gpu::{StepRead, StepResult};
#[cfg(feature = "compute")]
pub use load_watch::LoadWatch;
#[cfg(feature = "compute")]
pub use loader::{HostEmbedding, Loader};
#[cfg(feature = "compute")]
pub use roofline::measure as measure_roofline;
#[cfg(feature = "compute")]
pub use rows::{LogitRows, NextRows, Rows, TILE_ROWS};
#[cfg(feature = "compute")]
pub use sampling_mode::SamplingMode;
