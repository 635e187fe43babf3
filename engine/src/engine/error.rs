//! The engine's error type, a union of the stages' errors.

use thiserror::Error;

use crate::bytes::BytesError;
use crate::constraint::ConstraintError;
use crate::event::Fault;
use crate::forward::{ForwardError, LoadError};
use crate::sampling::SamplingError;
use crate::scheduler::LengthError;
use crate::tokenizer::TokenizerError;
use crate::weights::WeightsError;

/// An error of the engine; the stage's error says what went wrong and where.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum EngineError {
    /// The model's files are invalid or unsupported.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The path is not a model, or a file can't be opened.
    #[error(transparent)]
    Files(#[from] BytesError),
    /// The tokenizer or the chat template failed.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The request does not fit the context.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The request has an id outside the vocabulary.
    #[error("id {id} is outside the vocabulary of {vocab}")]
    UnknownId { id: u32, vocab: usize },
    /// The output format is invalid, or could not be followed.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The device or the forward pass failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// An operation that needs an idle engine was called while requests are queued or running.
    #[error("can't {what} while {requests} requests wait or run: end them before")]
    Busy { what: &'static str, requests: usize },
    /// Invalid sampling settings, or logits without a finite value.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
}

impl EngineError {
    /// Returns whether the request or the engine caused the error.
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
