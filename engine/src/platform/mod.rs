//! Every difference between targets: adapters' names, clocks, the machine, what waits for a device.

#[cfg(feature = "compute")]
mod adapter;
mod clock;
#[cfg(feature = "compute")]
mod finish;
mod machine;
mod wall_clock;

#[cfg(feature = "compute")]
pub use adapter::adapter_name;
pub use clock::{Stopwatch, clock};
#[cfg(feature = "compute")]
pub use finish::finish;
pub use machine::{CPU_NAME, MEMORY_LIMIT};
pub use wall_clock::unix_time_seconds;
