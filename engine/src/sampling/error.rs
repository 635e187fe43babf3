//! What can go wrong in picking a token.

use thiserror::Error;

use super::SettingError;

/// Errors of sampling.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SamplingError {
    /// A setting is off.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// No token has a finite logit.
    #[error("the model's logits have no finite value, so no token can be picked")]
    NoFiniteLogit,
}
