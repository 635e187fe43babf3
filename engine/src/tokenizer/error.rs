//! Errors of tokenizers and chat templates.

use thiserror::Error;

/// An error in building a tokenizer, encoding a text or rendering a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum TokenizerError {
    #[error("{file}: {reason}")]
    File {
        file: &'static str,
        /// Reason, with the place in the file.
        reason: String,
    },
    #[error("GGUF metadata {key}: {reason}")]
    Metadata { key: &'static str, reason: String },
    #[error("the {part} {name:?} is not supported ({hint})")]
    Unsupported {
        part: &'static str,
        name: String,
        hint: &'static str,
    },
    #[error(
        "the text contains token {id} ({token:?}), but the model's embedding has only {rows} rows: \
         the tokenizer does not belong to these weights"
    )]
    IdOutOfRange {
        id: u32,
        token: String,
        /// Rows of the embedding (V).
        rows: usize,
    },
    #[error("the text cannot be encoded: {0}")]
    Encode(String),
    #[error("token {id} does not exist: the vocabulary has {vocab_size} ids")]
    UnknownId { id: u32, vocab_size: usize },
    #[error("the model has no chat template; complete a text instead")]
    NoTemplate,
    /// The chat template is invalid, rejected the conversation or exceeded a limit.
    #[error("the chat template failed{}: {message}", .line.map(|line| format!(" at line {line}")).unwrap_or_default())]
    Template {
        /// Message that the template raised (`raise_exception`), or the description of the error.
        message: String,
        /// Line in the template, from 1, if known.
        line: Option<usize>,
    },
}
