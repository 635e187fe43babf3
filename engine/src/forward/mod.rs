//! The model on a device.

pub mod argmax;
mod block;
mod cache;
pub mod device;
mod error;
mod load;
mod mask;
mod memory;
mod model;
pub mod queue;
mod rope;

pub use error::ForwardError;
pub use load::{LoadError, load};
pub use memory::MemoryLedger;
pub use model::{LogitRows, Model, StepInput};
