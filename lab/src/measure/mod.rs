//! Statistics of repeated measurements; pure functions.

mod difference;
mod drift;
mod estimate;
mod line;
mod order;
mod outlier;

pub use difference::{Difference, Verdict};
pub use drift::Drift;
pub use estimate::Estimate;
pub use line::Line;
pub use order::interleaved;
pub use outlier::{Outlier, outliers};
