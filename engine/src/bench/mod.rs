//! Benchmarks: which requests are run, and what came of them; one way for terminal and page.
//!
//! Pure values: whoever has an engine submits the requests, and hands their events in.

mod batch;
mod compare;
mod report;
mod roof;
mod runs;

pub use batch::AtBatch;
pub use compare::{Comparison, Ratio};
pub use report::{AtPosition, BenchReport, RunRates};
pub use roof::UnderRoof;
pub use runs::{BenchError, Run, Runs, Settings, random_ids, request};
