//! Tokenizers and chat templates.
//!
//! The encoding pipelines (added tokens, normalizer, pre-tokenizer, BPE) are the `tokenizers` crate's, built from a
//! tokenizer.json or from GGUF metadata. SentencePiece merging by score, the ids around a text (BOS, EOS) and
//! decoding are implemented here.

mod bpe;
mod byte_level;
mod chat;
mod encoder;
mod error;
mod gguf;
mod hugging_face;
mod limits;
mod model;
mod pieces;
mod post_processor;
mod pre_tokenizer;
mod sentence_piece;
mod special;
mod template;

pub use chat::RenderedChat;
pub use error::TokenizerError;
pub use llamaglass_types::Message;

use encoder::Encoder;
use pieces::Pieces;
use post_processor::PostProcessor;
use special::SpecialTokens;
use template::ChatTemplate;

use crate::platform;
use crate::weights::{ModelConfig, TokenizerData};

/// Treatment of special-token text (`<|im_start|>`) inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialText {
    /// It becomes the special token's id, as in rendered templates.
    Parse,
    /// It is tokenized like any other text, as in user input.
    AsText,
}

/// Options for rendering a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateOptions {
    /// True to end the text where the assistant's answer begins.
    pub add_generation_prompt: bool,
}

/// Parts of a tokenizer, regardless of the file they came from.
struct Parts {
    encoder: Encoder,
    pieces: Pieces,
    post_processor: PostProcessor,
    special: SpecialTokens,
    strip_spaces: usize,
    template: Option<String>,
}

/// A tokenizer: encodes text, decodes token ids and renders conversations.
#[derive(Debug)]
pub struct Tokenizer {
    encoder: Encoder,
    pieces: Pieces,
    post_processor: PostProcessor,
    special: SpecialTokens,
    /// Number of spaces that decoding strips from the start of a text (the one SentencePiece adds).
    strip_spaces: usize,
    template: Option<ChatTemplate>,
    /// Rows of the embedding (V).
    rows: usize,
}

impl Tokenizer {
    /// Builds the tokenizer of a model.
    ///
    /// An invalid chat template is not an error yet: texts can still be completed, and
    /// [`Tokenizer::apply_template`] reports what is wrong with it.
    ///
    /// # Errors
    /// If the files are damaged, contradict themselves or need an unsupported feature.
    pub fn new(data: &TokenizerData, config: &ModelConfig) -> Result<Self, TokenizerError> {
        let parts = match data {
            TokenizerData::HuggingFace {
                tokenizer_json,
                tokenizer_config,
                chat_template,
                generation_config,
            } => {
                let companions = hugging_face::CompanionFiles {
                    tokenizer_config: tokenizer_config.as_ref(),
                    chat_template: chat_template.as_deref(),
                    generation_config: generation_config.as_ref(),
                };
                hugging_face::build(tokenizer_json, &companions, config)?
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
            encoder: parts.encoder,
            pieces: parts.pieces,
            post_processor: parts.post_processor,
            special: parts.special,
            strip_spaces: parts.strip_spaces,
            template,
            rows: config.vocab_size,
        })
    }

    /// Encodes a text, with nothing added before or after.
    ///
    /// # Errors
    /// If the pipeline fails or an id has no row in the model's embedding.
    pub fn encode(&self, text: &str, special: SpecialText) -> Result<Vec<u32>, TokenizerError> {
        let ids = self.encoder.encode(text, special)?;
        self.check_rows(&ids)?;
        Ok(ids)
    }

    /// Encodes a text, with the ids that the tokenizer itself adds around it (a BOS, an EOS).
    pub fn encode_with_bos(
        &self,
        text: &str,
        special: SpecialText,
    ) -> Result<Vec<u32>, TokenizerError> {
        let ids = self
            .post_processor
            .apply(&self.encoder.encode(text, special)?);
        self.check_rows(&ids)?;
        Ok(ids)
    }

    /// Renders a conversation with the model's chat template.
    ///
    /// # Errors
    /// [`TokenizerError::NoTemplate`], or the template's error.
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

    /// Renders a conversation up to where the assistant's answer begins.
    pub fn render_chat(&self, messages: &[Message]) -> Result<String, TokenizerError> {
        self.apply_template(
            messages,
            &TemplateOptions {
                add_generation_prompt: true,
            },
        )
    }

    /// Encodes a conversation up to where the assistant's answer begins. Only the template's own markers become
    /// control ids, regardless of what the messages contain.
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {
        self.encode_rendered(&self.render_for_answer(messages)?)
    }

    /// Returns whether the model has a chat template, valid or not.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// Returns the source of the chat template.
    pub fn chat_template(&self) -> Option<&str> {
        self.template.as_ref().map(ChatTemplate::source)
    }

    /// Returns the bytes of a token id. A special token's bytes are its text; a SentencePiece token's bytes begin
    /// with its space, even at the start of a text. They may end inside a character.
    ///
    /// # Errors
    /// If the vocabulary does not have the id.
    pub fn piece(&self, id: u32) -> Result<&[u8], TokenizerError> {
        self.pieces.get(id)
    }

    /// Returns the maximum bytes per token id; a text of n bytes has at least n divided by this many ids.
    pub const fn longest_piece(&self) -> usize {
        self.pieces.longest()
    }

    /// Returns whether an id is a special token, which is not part of an answer's text.
    pub fn is_special(&self, id: u32) -> bool {
        self.pieces.is_special(id)
    }

    /// Returns the token of an id as the vocabulary spells it.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.encoder.id_to_token(id)
    }

    /// Returns the id of a token as the vocabulary spells it.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.encoder.token_to_id(token)
    }

    /// Decodes ids to text. Invalid UTF-8 becomes U+FFFD; unknown ids are skipped.
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
        String::from_utf8_lossy(&bytes[spaces..]).into_owned()
    }

    /// Number of ids in the vocabulary; the embedding may have more or fewer rows.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// Returns the id of the BOS token.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// Returns all ids that end an answer.
    pub fn eos_ids(&self) -> &[u32] {
        &self.special.eos_ids
    }

    /// Number of spaces that decoding strips from the start of a text.
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

/// Builds the byte tokenizer: ids 0 to 255 are the bytes of the text.
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
    let mut special = SpecialTokens {
        bos: config.bos_id,
        ..SpecialTokens::default()
    };
    config.eos_ids.iter().for_each(|&id| special.add_eos(id));
    Ok(Parts {
        encoder: Encoder::Bytes,
        pieces,
        post_processor: PostProcessor::default(),
        special,
        strip_spaces: 0,
        template: None,
    })
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
