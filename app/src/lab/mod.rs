//! The lab as the page knows it: what is to be run, what can be, and what two runs say of each other; pure.

mod compare;
mod plot;
mod samples;
mod settings;
mod spec;
mod unfit;

pub use compare::{Comparison, Line, compare};
pub use plot::{Drawn, Plot};
pub use samples::{Sample, load_run};
pub use settings::{Field, LabSettings, fields};
pub use spec::{Job, LabEnd, Measured, Records, Source, Spec, value};
pub use unfit::unfit;
