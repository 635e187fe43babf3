//! Stand-ins for a build without grammars, which rejects every request for a format.

use super::ConstraintError;
use crate::scheduler::OutputFormat;
use crate::tokenizer::Tokenizer;

/// Rejects every format.
#[derive(Debug, Default)]
pub struct Constraints {}

impl Constraints {
    /// Rejects the format.
    pub const fn compile(
        &self,
        _: &OutputFormat,
        _: &Tokenizer,
        _: usize,
    ) -> Result<Constraint, ConstraintError> {
        Err(ConstraintError::Unsupported)
    }
}

/// A constraint, which cannot exist in this build.
#[derive(Debug)]
pub enum Constraint {}

impl Constraint {
    /// Returns one bit per id that may come next.
    pub const fn mask(&self) -> &[u32] {
        match *self {}
    }

    /// Appends a sampled id.
    pub const fn push(&mut self, _: u32) -> Result<bool, ConstraintError> {
        match *self {}
    }

    /// Computes the mask for the next id.
    pub const fn look_ahead(&mut self) -> Result<(), ConstraintError> {
        match *self {}
    }
}
