//! The model on a device.

pub mod argmax;
pub mod device;
mod error;
pub mod fast;
mod kernel;
mod load;
mod memory;
mod model;
mod parameters;
pub mod queue;
mod reference;
mod rope;

pub use error::ForwardError;
pub use load::{LoadError, load};
pub use memory::MemoryLedger;
pub use model::{ForwardPath, LogitRows, Model, Shape, StepInput};
