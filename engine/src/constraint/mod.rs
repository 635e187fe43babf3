//! Constrained decoding: restricts the ids of an answer to those that keep it in its format.
//!
//! The `llguidance` crate compiles and runs the grammars. This module supplies the vocabulary's bytes and
//! rejects schemas that are too large to compile.

mod error;

#[cfg(not(feature = "formats"))]
mod unsupported;

#[cfg(feature = "formats")]
mod bounds;
#[cfg(feature = "formats")]
mod compiler;
#[cfg(feature = "formats")]
mod state;
#[cfg(feature = "formats")]
mod vocabulary;

#[cfg(all(test, feature = "formats"))]
mod tests;

#[cfg(feature = "formats")]
pub use compiler::Constraints;
pub use error::ConstraintError;
#[cfg(feature = "formats")]
pub use state::Constraint;
#[cfg(not(feature = "formats"))]
pub use unsupported::{Constraint, Constraints};
