//! What can be wrong with what an answer has to be.

use thiserror::Error;

/// Errors of constraints.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConstraintError {
    /// The schema is larger than what is compiled.
    #[error("the JSON schema has {what}, of at most {most}")]
    TooLarge {
        /// What there is too much of, and how much.
        what: String,
        /// The most.
        most: usize,
    },
    /// The schema says what can't be kept to, or nothing that makes sense.
    #[error("the JSON schema can't be kept to: {0}")]
    Schema(String),
    /// Keeping to it took more than it may.
    #[error("the JSON schema is too complex: {0}")]
    TooComplex(String),
    /// A vocabulary without the bytes that are needed.
    #[error("no token of the model's vocabulary can continue the JSON")]
    NoToken,
    /// A build without the feature `formats`.
    #[error("answers can't be kept to a format here: this build leaves grammars out")]
    LeftOut,
    /// A vocabulary that is no trie's.
    #[error("the model's answers can't be constrained: {0}")]
    Vocabulary(String),
}

/// The first line of what the library says: what follows is for its authors.
#[cfg(feature = "formats")]
pub(super) fn words(error: &impl std::fmt::Display) -> String {
    // With its causes.
    let text = format!("{error:#}");
    let line = text.lines().next().unwrap_or_default();
    match line {
        // Its option, and no schema's.
        _ if line.starts_with("oneOf constraints are not supported") => {
            "the alternatives of a oneOf have to differ in their types, or in a required property's \
             constant; anyOf takes any"
                .into()
        }
        _ => line.chars().take(300).collect(),
    }
}
