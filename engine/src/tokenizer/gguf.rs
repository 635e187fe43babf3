//! Builds a tokenizer from GGUF metadata.

use std::collections::HashMap;

use tokenizers::{AddedToken, TokenizerImpl};

use super::bpe;
use super::error::TokenizerError;
use super::model::Pipeline;
use super::pieces::{Pieces, Spelling};
use super::post_processor::PostProcessor;
use super::pre_tokenizer::PreTokenizer;
use super::sentence_piece::{SentencePiece, TokenType};
use super::special::{SpecialTokens, is_eos_text};
use super::{Encoder, Parts, limits};
use crate::weights::{GgufTokenizer, ModelConfig};

/// Properties that follow from the kind of a GGUF vocabulary.
struct Kind {
    pipeline: Pipeline,
    spelling: Spelling,
    /// Default for whether to add a BOS, if the file does not say.
    add_bos: bool,
    space_prefix: bool,
}

/// Builds the parts of a tokenizer from GGUF metadata.
pub(super) fn build(data: &GgufTokenizer, config: &ModelConfig) -> Result<Parts, TokenizerError> {
    if data.tokens.is_empty() {
        return Err(metadata("tokenizer.ggml.tokens", "the list is empty"));
    }
    let types = token_types(data)?;
    let mut kind = match data.model.as_str() {
        "gpt2" => byte_level(data)?,
        "llama" => sentence_piece(data, &types)?,
        other => {
            return Err(TokenizerError::Unsupported {
                part: "tokenizer model",
                name: other.to_owned(),
                hint: "tokenizer.ggml.model of the Llama family: gpt2 or llama",
            });
        }
    };
    let mut added = Vec::new();
    let mut pieces = Pieces::default();
    for (id, (token, kind_of)) in (0u32..).zip(data.tokens.iter().zip(&types)) {
        let special = kind_of.is_special();
        let literal = special || *kind_of == TokenType::UserDefined;
        if literal && !token.is_empty() {
            added.push(AddedToken::from(token.as_str(), special).normalized(false));
        }
        let bytes = if literal {
            token.clone().into_bytes()
        } else {
            kind.spelling.bytes(token)
        };
        pieces
            .set(id, &bytes, special)
            .map_err(|e| metadata("tokenizer.ggml.tokens", e))?;
    }
    limits::check_added(added.iter().map(|token| &*token.content))
        .map_err(|error| metadata("tokenizer.ggml.tokens", error))?;
    kind.pipeline
        .add_tokens(added)
        .map_err(|error| metadata("tokenizer.ggml.tokens", error.to_string()))?;
    let special = special(data, &types, config);
    let post_processor = post_processor(data, &kind, &special)?;
    Ok(Parts {
        encoder: Encoder::pipeline(kind.pipeline),
        pieces,
        post_processor,
        special,
        strip_spaces: usize::from(kind.space_prefix),
        template: data.chat_template.clone(),
    })
}

fn metadata(key: &'static str, reason: impl Into<String>) -> TokenizerError {
    TokenizerError::Metadata {
        key,
        reason: reason.into(),
    }
}

fn token_types(data: &GgufTokenizer) -> Result<Vec<TokenType>, TokenizerError> {
    let n = data.tokens.len();
    match data.token_types.len() {
        0 => Ok(vec![TokenType::Normal; n]),
        types if types == n => Ok(data
            .token_types
            .iter()
            .map(|&value| TokenType::from_gguf(value))
            .collect()),
        types => Err(metadata(
            "tokenizer.ggml.token_type",
            format!("{types} types for {n} tokens"),
        )),
    }
}

fn byte_level(data: &GgufTokenizer) -> Result<Kind, TokenizerError> {
    let rules = PreTokenizer::by_name(data.pre.as_deref())?;
    // If two tokens have the same text, the later one counts, as in llama.cpp.
    let vocab: HashMap<String, u32> = data
        .tokens
        .iter()
        .cloned()
        .zip(0u32..)
        .filter(|(token, _)| !token.is_empty())
        .collect();
    let merges = data
        .merges
        .iter()
        .enumerate()
        .map(|(i, line)| {
            bpe::split_merge(line).ok_or_else(|| {
                metadata(
                    "tokenizer.ggml.merges",
                    format!("merge {i} is {line:?}, not two tokens"),
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let model = bpe::build(vocab, merges, |b| b.ignore_merges(rules.ignore_merges))
        .map_err(|error| metadata("tokenizer.ggml.merges", error))?;
    let mut pipeline: Pipeline = TokenizerImpl::new(model.into());
    pipeline.with_pre_tokenizer(Some(rules.build()?));
    Ok(Kind {
        pipeline,
        spelling: Spelling::ByteLevel,
        add_bos: rules.add_bos,
        space_prefix: false,
    })
}

fn sentence_piece(data: &GgufTokenizer, types: &[TokenType]) -> Result<Kind, TokenizerError> {
    let space_prefix = data.add_space_prefix.unwrap_or(true);
    let model = SentencePiece::new(
        data.tokens.clone(),
        data.scores.clone(),
        types.to_vec(),
        data.unknown_id
            .filter(|&id| (id as usize) < data.tokens.len()),
        space_prefix,
    )
    .map_err(|error| metadata("tokenizer.ggml.scores", error))?;
    Ok(Kind {
        pipeline: TokenizerImpl::new(model.into()),
        spelling: Spelling::SentencePiece,
        add_bos: true,
        space_prefix,
    })
}

fn special(data: &GgufTokenizer, types: &[TokenType], config: &ModelConfig) -> SpecialTokens {
    let text = |id: Option<u32>| id.and_then(|id| data.tokens.get(id as usize));
    let bos = data
        .bos_id
        .or(config.bos_id)
        .filter(|&id| text(Some(id)).is_some());
    let mut special = SpecialTokens {
        bos,
        ..SpecialTokens::default()
    };
    let declared = config
        .eos_ids
        .iter()
        .copied()
        .chain(data.eos_id)
        .chain(data.eot_id);
    for id in declared.filter(|&id| text(Some(id)).is_some()) {
        special.add_eos(id);
    }
    for (id, (token, kind)) in (0u32..).zip(data.tokens.iter().zip(types)) {
        if *kind == TokenType::Control && is_eos_text(token) {
            special.add_eos(id);
        }
    }
    let eos = data.eos_id.or_else(|| config.eos_ids.first().copied());
    let names = [
        ("bos_token", text(bos)),
        ("eos_token", text(eos)),
        ("unk_token", text(data.unknown_id)),
        ("pad_token", text(data.padding_id)),
    ];
    for (name, text) in names {
        if let Some(text) = text {
            special.names.insert(name.to_owned(), text.clone());
        }
    }
    special
}

fn post_processor(
    data: &GgufTokenizer,
    kind: &Kind,
    special: &SpecialTokens,
) -> Result<PostProcessor, TokenizerError> {
    let mut post_processor = PostProcessor::default();
    match (data.add_bos, special.bos) {
        (Some(false), _) => {}
        (Some(true), None) => {
            return Err(metadata(
                "tokenizer.ggml.add_bos_token",
                "the file has no BOS token to add",
            ));
        }
        (None, None) => {}
        (said, Some(bos)) => {
            if said.unwrap_or(kind.add_bos) {
                post_processor.prefix.push(bos);
            }
        }
    }
    if data.add_eos == Some(true) {
        let eos = data.eos_id.filter(|&id| (id as usize) < data.tokens.len());
        post_processor.suffix.push(eos.ok_or_else(|| {
            metadata(
                "tokenizer.ggml.add_eos_token",
                "the file has no EOS token to add",
            )
        })?);
    }
    Ok(post_processor)
}
