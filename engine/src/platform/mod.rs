//! All differences between targets: adapters, clocks, memory, threads.

mod adapter;
mod background;
#[cfg(not(target_arch = "wasm32"))]
mod budget;
mod cpu;
mod memory;
#[cfg(feature = "formats")]
mod stack;
mod untrusted;

pub use adapter::{BrowserAdapter, IN_BROWSER};
pub use background::in_background;
#[cfg(not(target_arch = "wasm32"))]
pub use budget::BudgetedAllocator;
pub use cpu::{CpuModel, CpuModelBuilder, begin as begin_cpu_model, describe as describe_cpu_path};
pub use llamaglass_types::clock::{Stopwatch, clock, unix_time_seconds};
pub use memory::{ADAPTERS_TAKE_OWN_MEMORY, available_memory};
#[cfg(feature = "formats")]
pub use stack::{SCHEMA_LEVELS, on_large_stack};
pub use untrusted::{RunError, run_within};
