//! The forward pass: the model on a device.

mod error;
mod format;
mod memory;
mod path;
mod roofline;
mod shape;

pub(crate) mod device;
pub(crate) mod fast;
pub(crate) mod gpu;
mod load_watch;
mod loader;
pub(crate) mod queue;
#[cfg(feature = "reference")]
pub(crate) mod reference;
mod rope;
mod rows;
mod sampling_mode;

pub use error::{ForwardError, LoadError};
pub use llamaglass_types::{
    Backend, BackendInfo, ForwardPath, KvType, MemoryLedger, MemoryRate, Roofline, ThreadRates,
    limit,
};
pub use memory::{available, check_memory, largest_buffer, memory_ledger};
pub use path::choose_path;
pub use shape::{MAX_BATCH, Shape};

pub use format::format;
pub use rope::angles;
pub use shape::kernel_kv;

pub use device::{OpenDevice, find_adapter, open_wgpu};
pub use gpu::{Buffer, Gpu, StepRead, StepResult, flat};
pub use load_watch::LoadWatch;
pub use loader::{HostEmbedding, Loader};
pub use roofline::measure as measure_roofline;
pub use rows::{LogitRows, NextRows, Rows, TILE_ROWS};
pub use sampling_mode::SamplingMode;
