//! Every difference between targets: clocks.

mod clock;
mod wall_clock;

pub use clock::{Stopwatch, clock};
pub use wall_clock::unix_time_seconds;
