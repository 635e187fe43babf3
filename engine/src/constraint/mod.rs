//! What keeps an answer to a format: which ids may come next.
//!
//! Grammars and their parsing are the `llguidance` crate's. Ours is what it is given: the vocabulary's
//! bytes, and schemas that are small enough to be compiled.

mod error;

#[cfg(all(feature = "compute", not(feature = "formats")))]
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
#[cfg(all(feature = "compute", not(feature = "formats")))]
pub use left_out::{Constraint, Constraints};
