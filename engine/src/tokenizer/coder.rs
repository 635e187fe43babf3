//! Text to ids, before anything is checked against the model.

use std::fmt;

use super::SpecialText;
use super::error::TokenizerError;
use super::model::Pipeline;

/// Text to ids.
pub(super) enum Coder {
    /// Two pipelines on one model: the crate keeps what special text means as a state.
    Pipeline {
        /// Special text becomes the special id.
        parse: Box<Pipeline>,
        /// Special text is text.
        as_text: Box<Pipeline>,
    },
    /// A byte is its id.
    Bytes,
}

impl fmt::Debug for Coder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipeline { .. } => "Pipeline",
            Self::Bytes => "Bytes",
        })
    }
}

impl Coder {
    pub(super) fn pipeline(mut pipeline: Pipeline) -> Self {
        pipeline.set_encode_special_tokens(false);
        let mut as_text = pipeline.clone();
        as_text.set_encode_special_tokens(true);
        Self::Pipeline {
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
            Self::Pipeline { parse, as_text } => {
                let pipeline = match special {
                    SpecialText::Parse => parse,
                    SpecialText::AsText => as_text,
                };
                pipeline
                    .encode_fast(text, false)
                    .map(|encoding| encoding.get_ids().to_vec())
                    .map_err(|error| TokenizerError::Encode(error.to_string()))
            }
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
