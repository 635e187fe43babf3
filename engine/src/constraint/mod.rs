//! Constrained decoding: which ids may come next in an answer with a format.
//!
//! The `llguidance` crate compiles and runs the grammars. This module supplies the vocabulary's bytes and
//! rejects schemas that are too large to compile.

mod error;

#[cfg(not(feature = "formats"))]
mod left_out;

#[cfg(feature = "formats")]
mod answer;
#[cfg(feature = "formats")]
mod bounds;
#[cfg(feature = "formats")]
mod compiler;
#[cfg(feature = "formats")]
mod vocabulary;

#[cfg(all(test, feature = "formats"))]
mod tests;

#[cfg(feature = "formats")]
pub use answer::Constraint;
#[cfg(feature = "formats")]
pub use compiler::Constraints;
pub use error::ConstraintError;
#[cfg(not(feature = "formats"))]
pub use left_out::{Constraint, Constraints};
