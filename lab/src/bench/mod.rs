//! Benchmarks: requests to run and figures of their results, the same for terminal and page.
//!
//! Pure values; the crate `llamaglass-runner` measures.

mod batch;
mod compare;
mod report;
mod roof;
mod runs;

pub use batch::AtBatch;
pub use compare::{Comparison, Ratio};
pub use report::{AtPosition, BenchReport, RunRates};
pub use roof::UnderRoof;
pub use runs::{BenchError, Progress, Run, Runs, Settings, random_ids, random_request, request};
