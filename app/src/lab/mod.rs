//! The page's side of the lab: settings, which experiments can run, live plots, and comparisons of two runs;
//! pure.

mod compare;
mod completed_run;
mod plot;
mod unsupported;

pub use llamaglass_session::lab::{
    Field, Job, LabEnd, LabSettings, Measured, Records, Source, Spec, fields, value,
};

pub use compare::{Comparison, Line, compare};
pub use completed_run::CompletedRun;
pub use plot::{Plot, PlotRanges, Series};
pub use unsupported::unsupported_reason;
