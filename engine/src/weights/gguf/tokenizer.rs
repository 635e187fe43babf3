//! The `tokenizer.*` keys of a GGUF file.

use super::Metadata;
use crate::weights::{GgufTokenizer, WeightsError};

/// Extracts the tokenizer from the metadata. The long arrays of strings are moved, not copied.
pub(in crate::weights) fn tokenizer(
    metadata: &mut Metadata,
) -> Result<GgufTokenizer, WeightsError> {
    let missing = |what: &str| WeightsError::MissingTokenizer {
        file: metadata.file.clone(),
        what: format!("the key {what} is missing"),
    };
    let model = metadata.string("tokenizer.ggml.model")?;
    let model = model
        .ok_or_else(|| missing("tokenizer.ggml.model"))?
        .to_owned();
    let missing_tokens = missing("tokenizer.ggml.tokens");
    let tokens = metadata
        .take_strings("tokenizer.ggml.tokens")?
        .ok_or(missing_tokens)?;
    let merges = metadata
        .take_strings("tokenizer.ggml.merges")?
        .unwrap_or_default();
    let scores = metadata.numbers("tokenizer.ggml.scores", "an array of floats", |x| {
        x.as_float()
    })?;
    let scores = scores.unwrap_or_default();
    let token_types =
        metadata.numbers("tokenizer.ggml.token_type", "an array of integers", |x| {
            i32::try_from(x.as_integer()?).ok()
        })?;
    let token_types = token_types.unwrap_or_default();
    for (key, count) in [
        ("tokenizer.ggml.scores", scores.len()),
        ("tokenizer.ggml.token_type", token_types.len()),
    ] {
        if count != 0 && count != tokens.len() {
            return Err(WeightsError::Config {
                file: metadata.file.clone(),
                what: format!("{key} has {count} values for {} tokens", tokens.len()),
            });
        }
    }
    Ok(GgufTokenizer {
        model,
        pre: metadata.string("tokenizer.ggml.pre")?.map(str::to_owned),
        scores,
        token_types,
        merges,
        bos_id: metadata.id("tokenizer.ggml.bos_token_id")?,
        eos_id: metadata.id("tokenizer.ggml.eos_token_id")?,
        eot_id: metadata.id("tokenizer.ggml.eot_token_id")?,
        unknown_id: metadata.id("tokenizer.ggml.unknown_token_id")?,
        padding_id: metadata.id("tokenizer.ggml.padding_token_id")?,
        add_bos: metadata.bool("tokenizer.ggml.add_bos_token")?,
        add_eos: metadata.bool("tokenizer.ggml.add_eos_token")?,
        add_space_prefix: metadata.bool("tokenizer.ggml.add_space_prefix")?,
        chat_template: metadata
            .string("tokenizer.chat_template")?
            .map(str::to_owned),
        tokens,
    })
}
