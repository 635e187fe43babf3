//! Runs the engine against reference results of an independent implementation, case by case.
//!
//! Takes parsed files, not paths, so the same cases run natively and in a browser. A consumer of
//! the whole engine, as the page and the terminal are.

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
