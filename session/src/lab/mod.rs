//! Requests for experiments and their results, as page and engine exchange them; no I/O.

mod settings;
mod spec;

pub use settings::{Field, LabSettings, fields};
pub use spec::{Job, LabEnd, Measured, Records, Source, Spec, value};
