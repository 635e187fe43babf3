//! The page's side of the lab: settings, which experiments can run, live plots, and comparisons of two runs;
//! pure.

mod compare;
mod plot;
mod samples;
mod unfit;

pub use llamaglass_session::lab::{
    Field, Job, LabEnd, LabSettings, Measured, Records, Source, Spec, fields, value,
};

pub use compare::{Comparison, Line, compare};
pub use plot::{Drawn, Plot};
pub use samples::{Sample, load_run};
pub use unfit::unfit;
