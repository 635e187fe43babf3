//! Ids and text, and chat templates.
//!
//! The pipelines are the `tokenizers` crate's (added tokens, normalizer, pre-tokenizer, BPE), built
//! from a tokenizer.json or from a GGUF's metadata; SentencePiece's merging by score, what goes
//! around a text and the way back to bytes are ours.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

mod bpe;
mod byte_level;
mod chat;
mod coder;
mod error;
mod gguf;
mod hugging_face;
mod limits;
mod model;
mod pieces;
mod pre_tokenizer;
mod sentence_piece;
mod special;
mod surround;
mod template;

pub use chat::RenderedChat;
pub use error::TokenizerError;

use coder::Coder;
use pieces::Pieces;
use special::Special;
use surround::Surround;
use template::ChatTemplate;

use crate::platform;
use crate::weights::{ModelConfig, TokenizerData};

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// The turn's text.
    pub content: String,
}

/// What becomes of the text of a special token (`<|im_start|>`) in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialText {
    /// It becomes the special id: for rendered templates.
    Parse,
    /// It is split like any text: for what a user typed.
    AsText,
}

/// How a conversation is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateOptions {
    /// Whether the text ends where the assistant's answer begins.
    pub add_generation_prompt: bool,
}

/// What a tokenizer is made of, whatever file it came from.
struct Parts {
    coder: Coder,
    pieces: Pieces,
    surround: Surround,
    special: Special,
    strip_spaces: usize,
    template: Option<String>,
}

/// Text to ids, ids to bytes, conversations to text.
#[derive(Debug)]
pub struct Tokenizer {
    coder: Coder,
    pieces: Pieces,
    surround: Surround,
    special: Special,
    /// How many spaces decoding takes off the start of a text (SentencePiece's own one).
    strip_spaces: usize,
    template: Option<ChatTemplate>,
    /// V: rows of the embedding.
    rows: usize,
}

impl Tokenizer {
    /// Builds the tokenizer of a model.
    ///
    /// A chat template that does not parse is no error yet: texts can still be completed, and
    /// [`Tokenizer::apply_template`] says what is wrong with it.
    ///
    /// # Errors
    /// Where the files are damaged, contradict themselves or need what is not supported.
    pub fn new(data: &TokenizerData, config: &ModelConfig) -> Result<Self, TokenizerError> {
        let parts = match data {
            TokenizerData::HuggingFace {
                tokenizer_json,
                tokenizer_config,
                chat_template,
                generation_config,
            } => {
                let beside = hugging_face::Beside {
                    tokenizer_config: tokenizer_config.as_ref(),
                    chat_template: chat_template.as_deref(),
                    generation_config: generation_config.as_ref(),
                };
                hugging_face::build(tokenizer_json, &beside, config)?
            }
            TokenizerData::Gguf(data) => gguf::build(data, config)?,
            TokenizerData::Bytes { vocab_size } => bytes(*vocab_size, config)?,
        };
        let template = parts.template.map(|source| {
            ChatTemplate::new(
                source,
                parts.special.names.clone(),
                platform::unix_time_seconds,
            )
        });
        Ok(Self {
            coder: parts.coder,
            pieces: parts.pieces,
            surround: parts.surround,
            special: parts.special,
            strip_spaces: parts.strip_spaces,
            template,
            rows: config.vocab_size,
        })
    }

    /// The ids of a text, nothing added before or after.
    ///
    /// # Errors
    /// Where an id has no row in the model's embedding.
    pub fn encode(&self, text: &str, special: SpecialText) -> Result<Vec<u32>, TokenizerError> {
        let ids = self.coder.encode(text, special)?;
        self.check_rows(&ids)?;
        Ok(ids)
    }

    /// The ids of a text with what the tokenizer itself puts around it (a BOS, an EOS).
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_with_bos(
        &self,
        text: &str,
        special: SpecialText,
    ) -> Result<Vec<u32>, TokenizerError> {
        let ids = self.surround.around(&self.coder.encode(text, special)?);
        self.check_rows(&ids)?;
        Ok(ids)
    }

    /// The text of a conversation, as the model's template writes it.
    ///
    /// # Errors
    /// [`TokenizerError::NoTemplate`], or what the template says.
    pub fn apply_template(
        &self,
        messages: &[Message],
        options: &TemplateOptions,
    ) -> Result<String, TokenizerError> {
        self.template
            .as_ref()
            .ok_or(TokenizerError::NoTemplate)?
            .render(messages, options)
    }

    /// The text of a conversation up to where the assistant's answer begins.
    ///
    /// # Errors
    /// As [`Tokenizer::apply_template`].
    pub fn render_chat(&self, messages: &[Message]) -> Result<String, TokenizerError> {
        self.apply_template(
            messages,
            &TemplateOptions {
                add_generation_prompt: true,
            },
        )
    }

    /// The ids of a conversation, ready for the answer. Only the template's own markers become control ids,
    /// whatever messages spell.
    ///
    /// # Errors
    /// As [`Tokenizer::apply_template`] and [`Tokenizer::encode`].
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {
        self.encode_rendered(&self.render_for_answer(messages)?)
    }

    /// Whether the model has a chat template (which may still be broken).
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// The chat template as the file has it.
    pub fn chat_template(&self) -> Option<&str> {
        self.template.as_ref().map(ChatTemplate::source)
    }

    /// The bytes of an id. A special token's are its text; a SentencePiece token's begin with the
    /// space that belongs to it, also at the start of a text. They may end inside a character.
    ///
    /// # Errors
    /// Where there is no such id.
    pub fn piece(&self, id: u32) -> Result<&[u8], TokenizerError> {
        self.pieces.get(id)
    }

    /// The most bytes of an id: a text is at least so many ids as it has bytes, divided by this.
    pub const fn longest_piece(&self) -> usize {
        self.pieces.longest()
    }

    /// Whether an id is a special token, which is no part of an answer's text.
    pub fn is_special(&self, id: u32) -> bool {
        self.pieces.is_special(id)
    }

    /// An id's token as the vocabulary spells it.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.coder.id_to_token(id)
    }

    /// The id of a token as the vocabulary spells it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.coder.token_to_id(token)
    }

    /// The text of some ids; bytes that are no UTF-8 become U+FFFD, unknown ids nothing.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .filter(|&&id| !(skip_special && self.is_special(id)))
            .flat_map(|&id| self.piece(id).unwrap_or_default())
            .copied()
            .collect();
        let spaces = bytes
            .iter()
            .take(self.strip_spaces)
            .take_while(|&&b| b == b' ')
            .count();
        match String::from_utf8_lossy(&bytes[spaces..]) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }

    /// How many ids the vocabulary has; the embedding may have more rows, or fewer.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The id that begins a text.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// Every id that ends an answer.
    pub fn eos_ids(&self) -> &[u32] {
        &self.special.ends
    }

    /// How many spaces decoding takes off the start of a text.
    pub(crate) fn strip_spaces(&self) -> usize {
        self.strip_spaces
    }

    fn check_rows(&self, ids: &[u32]) -> Result<(), TokenizerError> {
        match ids.iter().find(|&&id| id as usize >= self.rows) {
            None => Ok(()),
            Some(&id) => Err(TokenizerError::IdOutOfRange {
                id,
                token: self.id_to_token(id).unwrap_or_default(),
                rows: self.rows,
            }),
        }
    }
}

/// Ids 0 to 255 are the bytes of the text.
fn bytes(vocab_size: usize, config: &ModelConfig) -> Result<Parts, TokenizerError> {
    let mut pieces = Pieces::default();
    let unusable = |reason| TokenizerError::File {
        file: "byte tokenizer",
        reason,
    };
    for byte in 0..=u8::MAX {
        pieces.set(byte.into(), &[byte], false).map_err(unusable)?;
    }
    if let Some(last) = vocab_size.checked_sub(1).filter(|&last| last > 255) {
        let last = u32::try_from(last).unwrap_or(u32::MAX);
        pieces.set(last, &[], false).map_err(unusable)?;
    }
    let mut special = Special {
        bos: config.bos_id,
        ..Special::default()
    };
    config.eos_ids.iter().for_each(|&id| special.add_end(id));
    Ok(Parts {
        coder: Coder::Bytes,
        pieces,
        surround: Surround::default(),
        special,
        strip_spaces: 0,
        template: None,
    })
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
