//! What keeps an answer to a format: which ids may come next.
//!
//! Grammars and their parsing are the `llguidance` crate's. Ours is what it is given: the vocabulary's
//! bytes, and schemas that are small enough to be compiled.

mod error;

#[cfg(feature = "compute")]
mod answer;
#[cfg(feature = "compute")]
mod bounds;
#[cfg(feature = "compute")]
mod compiler;
#[cfg(feature = "compute")]
mod vocabulary;

#[cfg(all(test, feature = "compute"))]
mod tests;

#[cfg(feature = "compute")]
pub use answer::Constraint;
#[cfg(feature = "compute")]
pub use compiler::Constraints;
pub use error::ConstraintError;
