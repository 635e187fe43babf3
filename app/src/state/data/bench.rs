//! State of the benchmark.

use llamaglass_lab::bench::{BenchReport, Progress};

/// State of the benchmark.
#[derive(Clone, Debug, Default)]
pub enum Bench {
    /// Not run yet.
    #[default]
    Idle,
    /// Running, with its progress.
    Running(Progress),
    /// Finished with a report.
    Done(Box<BenchReport>),
    /// Failed, for this reason.
    Failed(String),
}
