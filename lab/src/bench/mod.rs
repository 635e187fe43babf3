//! Benchmarks: which requests are run, and what came of them; one way for terminal and page.
//!
//! Whoever has an engine drives a [`Bench`]; the rest is pure values.

mod batch;
mod compare;
mod progress;
mod report;
mod roof;
#[cfg(feature = "compute")]
mod runner;
mod runs;

pub use batch::AtBatch;
pub use compare::{Comparison, Ratio};
pub use progress::Progress;
pub use report::{AtPosition, BenchReport, RunRates};
pub use roof::UnderRoof;
#[cfg(feature = "compute")]
pub use runner::Bench;
pub use runs::{BenchError, Run, Runs, Settings, random_request};
