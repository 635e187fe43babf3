//! Errors of sampling.

use thiserror::Error;

use super::SettingError;

/// An error of sampling.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SamplingError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// More log-probabilities were requested than can be reported.
    #[error(
        "logprobs of the {asked} most probable tokens were asked for; there are at most {most}"
    )]
    TopLogprobs {
        /// Requested number of most probable ids.
        asked: usize,
        /// Maximum number.
        most: usize,
    },
    /// No token has a finite logit.
    #[error("the model's logits have no finite value, so no token can be picked")]
    NoFiniteLogit,
}
