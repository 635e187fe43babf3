//! Progress of a benchmark.

use serde::{Deserialize, Serialize};

/// Progress of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Current measurement, for display.
    pub what: String,
    /// Number of tokens sampled so far.
    pub done: usize,
    /// Number of tokens that the benchmark samples in total.
    pub total: usize,
}
