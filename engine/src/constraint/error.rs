//! Errors of output formats.

use thiserror::Error;

/// An error of an output format.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum ConstraintError {
    #[error("the JSON schema has {what}; at most {max} are allowed")]
    TooLarge { what: String, max: usize },
    #[error("unusable JSON schema: {0}")]
    Schema(String),
    /// Following the schema exceeded a limit.
    #[error("the JSON schema is too complex: {0}")]
    TooComplex(String),
    #[error("no token of the model's vocabulary can continue the JSON")]
    NoToken,
    /// This build lacks the feature `formats`.
    #[error("output formats are not available in this build")]
    Unsupported,
    #[error("the model's vocabulary can't be constrained: {0}")]
    Vocabulary(String),
}

/// Returns the first line of the library's message; the rest is for its developers.
#[cfg(feature = "formats")]
pub(super) fn first_line(error: &impl std::fmt::Display) -> String {
    // The alternate format includes the causes.
    let text = format!("{error:#}");
    let line = text.lines().next().unwrap_or_default();
    match line {
        // The message names a library option, which a schema cannot set.
        _ if line.starts_with("oneOf constraints are not supported") => {
            "the alternatives of a oneOf must differ in type or in the constant of a required property; use \
             anyOf instead"
                .into()
        }
        _ => line.chars().take(300).collect(),
    }
}
