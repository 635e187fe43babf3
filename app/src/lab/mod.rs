//! The page's side of the lab: settings, which experiments can run, live plots, and comparisons of two runs;
//! pure.

mod compare;
mod plot;
mod unsupported;

use llamaglass_lab::LabResult;
pub use llamaglass_session::lab::{
    Field, Job, LabEnd, LabSettings, Measured, Records, Source, Spec, fields, value,
};
use llamaglass_types::stats::Record;

pub use compare::{Comparison, Line, compare};
pub use plot::{Plot, PlotRanges, Series};
pub use unsupported::{kernels_unsupported, unsupported_reason};

/// A completed run of an experiment.
#[derive(Clone, Debug)]
pub struct CompletedRun {
    /// Result of the run.
    pub result: LabResult,
    /// Settings of the run.
    pub settings: LabSettings,
    /// Records of the requests, for a trace; empty for a saved run.
    pub records: Vec<Record>,
}
