//! An experiment as the page asks for it and as it is answered; pure.

mod settings;
mod spec;

pub use settings::{Field, LabSettings, fields};
pub use spec::{Job, LabEnd, Measured, Records, Source, Spec, value};
