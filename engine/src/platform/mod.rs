//! Every difference between targets: clocks.

mod clock;
mod machine;
mod wall_clock;

pub use clock::{Stopwatch, clock};
pub use machine::{CPU_NAME, MEMORY_LIMIT};
pub use wall_clock::unix_time_seconds;
