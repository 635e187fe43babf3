//! Compares the engine with reference results of an independent implementation, case by case.
//!
//! It takes file contents, not paths, so the same cases run natively and in a browser. Like the page and the
//! terminal, it uses the engine as a whole.

mod bisect;
mod blocks;
mod error;
mod logits;
mod reference;
mod report;
mod run;
mod text;
pub mod tolerance;

pub use bisect::{BlockDifference, TOLERANCE as BISECT_TOLERANCE, bisect};
pub use error::ParityError;
pub use reference::{ModelFile, Reference};
pub use report::{CaseResult, Figure, Kind, Report};
pub use run::run;
