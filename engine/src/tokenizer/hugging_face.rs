//! Builds a tokenizer from the files of a Hugging Face folder.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Model as _;

use super::error::TokenizerError;
use super::model::Pipeline;
use super::pieces::{Pieces, Spelling};
use super::post_processor::PostProcessor;
use super::special::SpecialTokens;
use super::{Encoder, Parts, limits};
use crate::weights::ModelConfig;

/// Parts of tokenizer.json that are read here and not by the `tokenizers` crate.
#[derive(Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<AddedTokenEntry>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
}

#[derive(Deserialize)]
struct AddedTokenEntry {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

/// Other tokenizer files in the same folder.
pub(super) struct CompanionFiles<'a> {
    pub(super) tokenizer_config: Option<&'a Value>,
    pub(super) chat_template: Option<&'a str>,
    pub(super) generation_config: Option<&'a Value>,
}

/// Builds the parts of a tokenizer from the files.
pub(super) fn build(
    tokenizer_json: &[u8],
    companions: &CompanionFiles<'_>,
    config: &ModelConfig,
) -> Result<Parts, TokenizerError> {
    let outline: TokenizerJson =
        serde_json::from_slice(tokenizer_json).map_err(|error| json(error.to_string()))?;
    check_limits(&outline).map_err(json)?;
    if mentions(&outline.normalizer, "Precompiled") {
        return Err(TokenizerError::Unsupported {
            part: "normalizer",
            name: "Precompiled".into(),
            hint: "no tokenizer of the Llama family has it",
        });
    }
    let post_processor = PostProcessor::from_json(&outline.post_processor)
        .map_err(|error| json(format!("post_processor: {error}")))?;
    let (spelling, strip_spaces) = decoding_rules(&outline);
    let mut pipeline: Pipeline =
        serde_json::from_slice(tokenizer_json).map_err(|error| json(error.to_string()))?;
    pipeline.with_padding(None);
    pipeline
        .with_truncation(None)
        .map_err(|error| json(error.to_string()))?;
    let mut pieces = Pieces::default();
    let mut set = |id, bytes: &[u8], special| pieces.set(id, bytes, special).map_err(json);
    for (token, id) in pipeline.get_model().get_vocab() {
        set(id, &spelling.bytes(&token), false)?;
    }
    for token in &outline.added_tokens {
        if token.content.is_empty() {
            continue;
        }
        // The crate assigns ids to added tokens itself and ignores the file's, which must therefore match.
        if pipeline.token_to_id(&token.content) != Some(token.id) {
            return Err(json(format!(
                "added_tokens: {:?} has id {}, which contradicts the vocabulary",
                token.content, token.id
            )));
        }
        let text = token.content.as_str();
        let plain = spelling == Spelling::SentencePiece && !token.special;
        let bytes = if plain {
            spelling.bytes(text)
        } else {
            text.as_bytes().to_vec()
        };
        set(token.id, &bytes, token.special)?;
    }
    let special = special(&pipeline, companions, config)?;
    Ok(Parts {
        encoder: Encoder::pipeline(pipeline),
        pieces,
        post_processor,
        special,
        strip_spaces,
        template: template(companions),
    })
}

fn check_limits(outline: &TokenizerJson) -> Result<(), String> {
    for (part, value) in [
        ("normalizer", &outline.normalizer),
        ("pre_tokenizer", &outline.pre_tokenizer),
        ("decoder", &outline.decoder),
    ] {
        limits::check_steps(part, &steps(value))?;
    }
    limits::check_added(outline.added_tokens.iter().map(|token| &*token.content))
}

fn json(reason: impl Into<String>) -> TokenizerError {
    TokenizerError::File {
        file: "tokenizer.json",
        reason: reason.into(),
    }
}

/// Returns the steps of a normalizer, pre-tokenizer or decoder, with sequences flattened.
fn steps(value: &Value) -> Vec<&Value> {
    let nested = ["normalizers", "pretokenizers", "decoders"];
    match nested.iter().find_map(|key| value.get(key)?.as_array()) {
        Some(list) => list.iter().flat_map(steps).collect(),
        None => vec![value],
    }
}

fn mentions(value: &Value, kind: &str) -> bool {
    steps(value).iter().any(|step| step["type"] == kind)
}

/// Returns the spelling of tokens and the number of leading spaces that decoding strips.
fn decoding_rules(outline: &TokenizerJson) -> (Spelling, usize) {
    let decoder = &outline.decoder;
    let byte_level = if decoder.is_null() {
        mentions(&outline.pre_tokenizer, "ByteLevel")
    } else {
        mentions(decoder, "ByteLevel")
    };
    if byte_level {
        return (Spelling::ByteLevel, 0);
    }
    let strip = steps(decoder)
        .iter()
        .map(|step| match step["type"].as_str() {
            Some("Strip") if step["content"] == " " => step["start"]
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
            Some("Metaspace") => {
                let never = step["prepend_scheme"] == "never" || step["add_prefix_space"] == false;
                usize::from(!never)
            }
            _ => 0,
        })
        .sum();
    (Spelling::SentencePiece, strip)
}

/// Returns the text of a token in tokenizer_config.json: a string, or an object with a `content` string.
fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

fn special(
    pipeline: &Pipeline,
    companions: &CompanionFiles<'_>,
    config: &ModelConfig,
) -> Result<SpecialTokens, TokenizerError> {
    let mut special = SpecialTokens::default();
    config.eos_ids.iter().for_each(|&id| special.add_eos(id));
    if let Some(Value::Object(entries)) = companions.tokenizer_config {
        for (name, value) in entries.iter().filter(|(name, _)| name.ends_with("_token")) {
            if let Some(text) = token_text(value) {
                special.names.insert(name.clone(), text.to_owned());
            }
        }
    }
    let id_of = |name: &str, special: &SpecialTokens| {
        special
            .names
            .get(name)
            .and_then(|text| pipeline.token_to_id(text))
    };
    special.bos = id_of("bos_token", &special).or(config.bos_id);
    if let Some(eos) = id_of("eos_token", &special) {
        special.add_eos(eos);
    }
    for id in generation_eos_ids(companions.generation_config)? {
        special.add_eos(id);
    }
    // Without tokenizer_config.json, the names come from the ids in config.json.
    let ids = [
        ("bos_token", special.bos),
        ("eos_token", special.eos_ids.first().copied()),
    ];
    for (name, id) in ids {
        if let Some(text) = id.and_then(|id| pipeline.id_to_token(id)) {
            special.names.entry(name.to_owned()).or_insert(text);
        }
    }
    Ok(special)
}

/// Returns `eos_token_id` of generation_config.json: a number, a list or nothing.
fn generation_eos_ids(file: Option<&Value>) -> Result<Vec<u32>, TokenizerError> {
    let id = |value: &Value| {
        value
            .as_u64()
            .and_then(|id| u32::try_from(id).ok())
            .ok_or_else(|| TokenizerError::File {
                file: "generation_config.json",
                reason: format!("eos_token_id holds {value}, which is not a token id"),
            })
    };
    match file.map(|file| &file["eos_token_id"]) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(id).collect(),
        Some(one) => Ok(vec![id(one)?]),
    }
}

/// Returns the chat template: chat_template.jinja, else tokenizer_config.json's own or the one named `default`.
fn template(companions: &CompanionFiles<'_>) -> Option<String> {
    if let Some(template) = companions.chat_template {
        return Some(template.to_owned());
    }
    match &companions.tokenizer_config?["chat_template"] {
        Value::String(template) => Some(template.clone()),
        Value::Array(named) => named
            .iter()
            .find(|entry| entry["name"] == "default")
            .and_then(|entry| entry["template"].as_str())
            .map(str::to_owned),
        _ => None,
    }
}
