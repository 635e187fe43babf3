//! The lab as the page knows it: what is to be run, what can be, and what two runs say of each other; pure.

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
