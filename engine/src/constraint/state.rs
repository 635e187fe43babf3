//! Position of one answer in its grammar.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;

use llamaglass_shaders::mask_words;
use llguidance::TokenParser;
use llguidance::api::StopReason;
use llguidance::panic_utils::catch_unwind;

use super::{ConstraintError, error};

/// Keeps an answer to its format.
pub struct Constraint {
    parser: TokenParser,
    /// One bit per id of the model: set if the id may come next.
    mask: Vec<u32>,
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraint")
            .field("tokens", &self.parser.num_tokens())
            .finish_non_exhaustive()
    }
}

impl Constraint {
    /// Creates the constraint at the start of an answer from a model with `rows` ids.
    pub(super) fn new(parser: TokenParser, rows: usize) -> Result<Self, ConstraintError> {
        let mask = vec![0; mask_words(rows)];
        let mut constraint = Self { parser, mask };
        constraint.look_ahead()?;
        Ok(constraint)
    }

    /// Returns a constraint for another answer that shares no state with this one.
    pub(super) fn copy(&self) -> Self {
        Self {
            parser: self.parser.deep_clone(),
            mask: self.mask.clone(),
        }
    }

    /// Returns one bit per id that may come next, as [`mask_words`] words.
    pub fn mask(&self) -> &[u32] {
        &self.mask
    }

    /// Appends a sampled id. Returns true if the answer is complete and nothing may follow.
    ///
    /// # Errors
    /// [`ConstraintError`] if the id was not in the mask, or checking it exceeds a limit.
    pub fn push(&mut self, id: u32) -> Result<bool, ConstraintError> {
        let parser = &mut self.parser;
        let pushed = catch_unwind(AssertUnwindSafe(|| {
            parser.consume_token(id)?;
            parser.check_stop()
        }));
        pushed.map_err(|message| self.error(&message))
    }

    /// Computes the mask for the next id.
    ///
    /// # Errors
    /// [`ConstraintError`] if no id may follow, or the computation exceeds a limit.
    pub fn look_ahead(&mut self) -> Result<(), ConstraintError> {
        let parser = &mut self.parser;
        let allowed = catch_unwind(AssertUnwindSafe(|| parser.compute_mask()));
        let allowed = allowed.map_err(|message| self.error(&message))?;
        let ids = self.parser.token_env.tok_trie().vocab_size();
        let bits = allowed
            .as_slice()
            .iter()
            .copied()
            .chain(std::iter::repeat(0));
        for (index, (word, bits)) in self.mask.iter_mut().zip(bits).enumerate() {
            // The library's set has one extra bit for its own use.
            let known = ids.saturating_sub(32 * index).min(32) as u32;
            *word = bits & u32::MAX.checked_shr(32 - known).unwrap_or(0);
        }
        if self.mask.iter().all(|word| *word == 0) {
            return Err(ConstraintError::NoToken);
        }
        Ok(())
    }

    /// Converts the parser's error.
    fn error(&self, message: &impl Display) -> ConstraintError {
        match self.parser.stop_reason() {
            StopReason::NoExtension | StopReason::NoExtensionBias => ConstraintError::NoToken,
            StopReason::LexerTooComplex | StopReason::ParserTooComplex => {
                ConstraintError::TooComplex(error::first_line(message))
            }
            _ => ConstraintError::Schema(error::first_line(message)),
        }
    }
}
