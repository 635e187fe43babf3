//! Errors of sampling.

use thiserror::Error;

use super::SettingError;

/// An error of sampling.
#[derive(Clone, Debug, Error, PartialEq)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum SamplingError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(
        "logprobs of the {asked} most probable tokens were asked for; there are at most {most}"
    )]
    TopLogprobs { asked: usize, most: usize },
    #[error("the model's logits have no finite value, so no token can be picked")]
    NoFiniteLogit,
}
