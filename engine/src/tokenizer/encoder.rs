//! Encodes text as token ids, without checking them against the model.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::SpecialText;
use super::error::TokenizerError;
use super::model::Pipeline;

/// An encoder from text to token ids.
pub(super) enum Encoder {
    /// Two pipelines with one shared model, because the crate keeps the handling of special text as a setting.
    Pipeline {
        /// Special text becomes the special token's id.
        parse: Box<Pipeline>,
        /// Special text is encoded like any other text.
        as_text: Box<Pipeline>,
        /// Texts of all special tokens, longest first.
        special_texts: Vec<String>,
    },
    /// Each byte is its own id.
    Bytes,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipeline { .. } => "Pipeline",
            Self::Bytes => "Bytes",
        })
    }
}

impl Encoder {
    pub(super) fn pipeline(mut pipeline: Pipeline) -> Self {
        pipeline.set_encode_special_tokens(false);
        let mut as_text = pipeline.clone();
        as_text.set_encode_special_tokens(true);
        Self::Pipeline {
            special_texts: special_texts(&pipeline),
            parse: Box::new(pipeline),
            as_text: Box::new(as_text),
        }
    }

    pub(super) fn encode(
        &self,
        text: &str,
        special: SpecialText,
    ) -> Result<Vec<u32>, TokenizerError> {
        match self {
            Self::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Self::Pipeline { parse, as_text, .. } => {
                let pipeline = match special {
                    SpecialText::Parse => parse,
                    SpecialText::AsText => as_text,
                };
                let encoding = catch_panic(|| pipeline.encode_fast(text, false))?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }

    /// Encodes a text, with special text parsed, and returns each id with the byte range it came from. Only the
    /// ranges of special tokens are reliable.
    pub(super) fn encode_with_offsets(
        &self,
        text: &str,
    ) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        match self {
            Self::Bytes => Ok(text
                .bytes()
                .enumerate()
                .map(|(index, byte)| (byte.into(), index..index + 1))
                .collect()),
            Self::Pipeline { parse, .. } => {
                let encoding = catch_panic(|| parse.encode(text, false))?;
                let ranges = encoding.get_offsets().iter();
                let ranges = ranges.map(|(start, end)| *start..*end);
                Ok(encoding.get_ids().iter().copied().zip(ranges).collect())
            }
        }
    }

    /// Returns the texts of all special tokens, longest first.
    pub(super) fn special_texts(&self) -> &[String] {
        match self {
            Self::Pipeline { special_texts, .. } => special_texts,
            Self::Bytes => &[],
        }
    }

    pub(super) fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::Pipeline { parse, .. } => parse.id_to_token(id),
            Self::Bytes => u8::try_from(id).ok().map(|byte| format!("<0x{byte:02X}>")),
        }
    }

    pub(super) fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Pipeline { parse, .. } => parse.token_to_id(token),
            Self::Bytes => super::pieces::byte_token(token).map(u32::from),
        }
    }
}

/// Runs a tokenizer pipeline and turns panics into errors, because the crate panics on some tokenizer files.
fn catch_panic<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, TokenizerError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| TokenizerError::Encode(error.to_string())),
        Err(_panic) => Err(TokenizerError::Encode(
            "the tokenizer panicked on it".into(),
        )),
    }
}

fn special_texts(pipeline: &Pipeline) -> Vec<String> {
    let added = pipeline.get_added_tokens_decoder();
    let special = added.into_values().filter(|token| token.special);
    let mut texts: Vec<String> = special.map(|token| token.content).collect();
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    texts
}
