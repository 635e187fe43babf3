//! Every difference between targets: adapters' names, clocks, the machine.

#[cfg(feature = "compute")]
mod adapter;
mod clock;
mod machine;
mod wall_clock;

#[cfg(feature = "compute")]
pub use adapter::adapter_name;
pub use clock::{Stopwatch, clock};
pub use machine::{CPU_NAME, MEMORY_LIMIT};
pub use wall_clock::unix_time_seconds;
