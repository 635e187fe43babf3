//! What can go wrong between text and ids.

use thiserror::Error;

/// A tokenizer that cannot be built, a text that cannot be encoded, a template that fails.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenizerError {
    /// A file of a Hugging Face folder that cannot be used.
    #[error("{file}: {reason}")]
    File {
        /// The file's name.
        file: &'static str,
        /// What is wrong, and where in the file.
        reason: String,
    },
    /// A GGUF metadata value that cannot be used.
    #[error("GGUF metadata {key}: {reason}")]
    Metadata {
        /// The metadata key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A kind of tokenizer, pre-tokenizer, normalizer or decoder that is not supported.
    #[error("the {part} {name:?} is not supported ({hint})")]
    Unsupported {
        /// What part of a tokenizer it is.
        part: &'static str,
        /// Its name in the file.
        name: String,
        /// What is supported.
        hint: &'static str,
    },
    /// An id for which the model has no embedding row.
    #[error(
        "the text contains token {id} ({token:?}), but the model's embedding has only {rows} rows: \
         the tokenizer and the weights do not belong together"
    )]
    IdOutOfRange {
        /// The id.
        id: u32,
        /// Its text.
        token: String,
        /// V: rows of the embedding.
        rows: usize,
    },
    /// The pipeline of the tokenizer failed on a text.
    #[error("the text cannot be encoded: {0}")]
    Encode(String),
    /// An id that the vocabulary does not have.
    #[error("there is no token {id}: the vocabulary has {vocab_size} ids")]
    UnknownId {
        /// The id.
        id: u32,
        /// How many ids there are.
        vocab_size: usize,
    },
    /// The model has no chat template.
    #[error("the model has no chat template: complete a text instead of chatting")]
    NoTemplate,
    /// The chat template is broken, refused the conversation or took too long.
    #[error("the chat template fails{}: {message}", .line.map(|line| format!(" at line {line}")).unwrap_or_default())]
    Template {
        /// The template's own words (`raise_exception`), or what is wrong with it.
        message: String,
        /// Where, counted from 1.
        line: Option<usize>,
    },
}
