//! In a build without grammars: no answer is kept to a format, and whoever asks for that hears it.

use super::ConstraintError;
use crate::scheduler::OutputFormat;
use crate::tokenizer::Tokenizer;

/// Compiles nothing.
#[derive(Debug, Default)]
pub struct Constraints {}

impl Constraints {
    /// Refuses.
    ///
    /// # Errors
    /// [`ConstraintError::LeftOut`].
    pub const fn compile(
        &self,
        _: &OutputFormat,
        _: &Tokenizer,
        _: usize,
    ) -> Result<Constraint, ConstraintError> {
        Err(ConstraintError::LeftOut)
    }
}

/// There is none.
#[derive(Debug)]
pub enum Constraint {}

impl Constraint {
    /// A bit for each id that may come next.
    pub const fn mask(&self) -> &[u32] {
        match *self {}
    }

    /// Takes in the id that was picked.
    ///
    /// # Errors
    /// None: there is no constraint.
    pub const fn push(&mut self, _: u32) -> Result<bool, ConstraintError> {
        match *self {}
    }

    /// Finds out what may come next.
    ///
    /// # Errors
    /// None: there is no constraint.
    pub const fn look_ahead(&mut self) -> Result<(), ConstraintError> {
        match *self {}
    }
}
