//! Every difference between targets: clocks.

mod clock;

pub use clock::{Stopwatch, clock};
