//! What can go wrong in picking a token.

use thiserror::Error;

use super::SettingError;

/// Errors of sampling.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SamplingError {
    /// A setting is off.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// More of the most probable ids than are told.
    #[error(
        "logprobs of the {asked} most probable tokens were asked for; there are at most {most}"
    )]
    TopLogprobs {
        /// Asked for.
        asked: usize,
        /// The most.
        most: usize,
    },
    /// No token has a finite logit.
    #[error("the model's logits have no finite value, so no token can be picked")]
    NoFiniteLogit,
}
