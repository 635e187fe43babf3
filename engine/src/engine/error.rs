//! The engine's errors: one of a stage's, with nothing added.

use thiserror::Error;

use super::StubLevel;

use crate::constraint::ConstraintError;
use crate::event::Fault;
use crate::forward::{ForwardError, LoadError};
use crate::sampling::SamplingError;
use crate::scheduler::LengthError;
use crate::tokenizer::TokenizerError;
use crate::weights::WeightsError;

/// What can go wrong in the engine; the stage's error says what and where.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The model's files.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The tokenizer or the chat template.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The request's length.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The request's ids.
    #[error("id {id} is outside the vocabulary of {vocab}")]
    UnknownId {
        /// The first that is.
        id: u32,
        /// How many ids there are.
        vocab: usize,
    },
    /// What the answer has to be.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The device.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// Requests wait or run, and something needs the engine for itself.
    #[error("can't {what} while {requests} requests wait or run: end them before")]
    Busy {
        /// What.
        what: &'static str,
        /// How many do.
        requests: usize,
    },
    /// Weights are loaded: another stub level can't have others.
    #[error(
        "stub level {level} needs other weights than level {loaded}, which was loaded: load it anew"
    )]
    NotThisStub {
        /// Which is wanted.
        level: StubLevel,
        /// Which was loaded.
        loaded: StubLevel,
    },
    /// An ablation can't be had.
    #[error("{ablation} can't be had: {why}")]
    NoAblation {
        /// Which.
        ablation: &'static str,
        /// Why not.
        why: String,
    },
    /// The sampling settings, or logits without a finite value.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
}

impl EngineError {
    /// Whose fault it was, where it came of a request.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Tokenizer(_)
            | Self::Length(_)
            | Self::UnknownId { .. }
            | Self::Constraint(_)
            | Self::Sampling(SamplingError::Setting(_) | SamplingError::TopLogprobs { .. }) => {
                Fault::Request
            }
            _ => Fault::Engine,
        }
    }
}

impl From<LoadError> for EngineError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Weights(error) => Self::Weights(error),
            LoadError::Forward(error) => Self::Forward(error),
        }
    }
}
