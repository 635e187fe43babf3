//! The model of a `tokenizers` pipeline, shared by the pipelines of one tokenizer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::{
    DecoderWrapper, Model, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Token,
    TokenizerImpl,
};

use super::sentence_piece::SentencePiece;

/// An encoding pipeline: added tokens, normalizer, pre-tokenizer, model. The crate's post-processor and decoder are
/// not used.
pub(super) type Pipeline = TokenizerImpl<
    SharedModel,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

/// A vocabulary with its merges, shared by all pipelines of a tokenizer.
#[derive(Clone, Debug)]
pub(super) struct SharedModel(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Bpe(Box<BPE>),
    SentencePiece(SentencePiece),
}

impl From<BPE> for SharedModel {
    fn from(model: BPE) -> Self {
        Self(Arc::new(Kind::Bpe(Box::new(model))))
    }
}

impl From<SentencePiece> for SharedModel {
    fn from(model: SentencePiece) -> Self {
        Self(Arc::new(Kind::SentencePiece(model)))
    }
}

impl Model for SharedModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, sequence: &str) -> tokenizers::Result<Vec<Token>> {
        match &*self.0 {
            Kind::Bpe(model) => model.tokenize(sequence),
            Kind::SentencePiece(model) => Ok(model
                .encode(sequence)
                .into_iter()
                // The token's text and offsets are never read.
                .map(|id| Token::new(id, String::new(), (0, 0)))
                .collect()),
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match &*self.0 {
            Kind::Bpe(model) => model.token_to_id(token),
            Kind::SentencePiece(model) => model.token_to_id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match &*self.0 {
            Kind::Bpe(model) => model.id_to_token(id),
            Kind::SentencePiece(model) => model.id_to_token(id).map(str::to_owned),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        match &*self.0 {
            Kind::Bpe(model) => model.get_vocab(),
            Kind::SentencePiece(model) => model.vocabulary(),
        }
    }

    fn get_vocab_size(&self) -> usize {
        match &*self.0 {
            Kind::Bpe(model) => model.get_vocab_size(),
            Kind::SentencePiece(model) => model.len(),
        }
    }

    fn save(&self, _folder: &Path, _prefix: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        Err("a model is never saved".into())
    }

    fn get_trainer(&self) -> TrainerWrapper {
        TrainerWrapper::BpeTrainer(BpeTrainer::default())
    }
}
