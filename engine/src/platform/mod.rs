//! All differences between targets: adapters, clocks, memory, threads.

#[cfg(feature = "compute")]
mod adapter;
#[cfg(feature = "compute")]
mod background;
#[cfg(not(target_arch = "wasm32"))]
mod budget;
mod clock;
mod machine;
mod memory;
#[cfg(feature = "formats")]
mod stack;
mod untrusted;
mod wall_clock;

#[cfg(feature = "compute")]
pub use adapter::{BrowserAdapter, IN_BROWSER};
#[cfg(feature = "compute")]
pub use background::in_background;
#[cfg(not(target_arch = "wasm32"))]
pub use budget::BudgetedAllocator;
pub use clock::{Stopwatch, clock};
pub use machine::CPU_NAME;
pub use memory::{ADAPTERS_TAKE_OWN_MEMORY, available_memory};
#[cfg(feature = "formats")]
pub use stack::{SCHEMA_LEVELS, on_large_stack};
pub use untrusted::{GivenUp, run_within};
pub use wall_clock::unix_time_seconds;
