//! Small tokenizers for the tests of this stage and of `text`.

use super::*;
use crate::weights::GgufTokenizer;
use crate::weights::testing::tiny_config;

pub(super) fn config(vocab_size: usize) -> ModelConfig {
    ModelConfig {
        vocab_size,
        bos_id: None,
        eos_ids: Vec::new(),
        ..tiny_config()
    }
}

/// Returns the character that encodes a byte in a byte-level vocabulary.
pub(super) fn byte_char(byte: u8) -> String {
    (0..0x200)
        .filter_map(char::from_u32)
        .find(|&c| byte_level::char_to_byte(c) == Some(byte))
        .map(String::from)
        .expect("every byte has one")
}

/// Returns a GGUF vocabulary like SmolLM2's: control tokens first, then the 256 bytes, then merged tokens.
pub(super) fn smollm_data() -> GgufTokenizer {
    let mut tokens: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        .map(String::from)
        .into();
    let mut token_types = vec![3; 3];
    tokens.extend((0..=255).map(byte_char));
    let merges = ["h i", "Ġ hi", "1 2"];
    tokens.extend(["hi", "Ġhi", "12", "Ġunreached"].map(String::from));
    tokens.push("<tool é>".into());
    token_types.resize(tokens.len() - 1, 1);
    token_types.push(4);
    GgufTokenizer {
        model: "gpt2".into(),
        pre: Some("smollm".into()),
        tokens,
        token_types,
        merges: merges.map(String::from).into(),
        bos_id: Some(1),
        eos_id: Some(2),
        unknown_id: Some(0),
        padding_id: Some(2),
        add_bos: Some(false),
        chat_template: Some("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}".into()),
        ..GgufTokenizer::default()
    }
}

/// Returns a GGUF vocabulary like Llama 2's.
pub(super) fn llama_data() -> GgufTokenizer {
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
    let mut token_types = vec![2, 3, 3];
    tokens.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    token_types.resize(tokens.len(), 6);
    tokens.extend(["▁", "x", "y", "▁x", "▁y", "xy"].map(String::from));
    token_types.resize(tokens.len(), 1);
    GgufTokenizer {
        model: "llama".into(),
        scores: (0..tokens.len()).map(|id| -(id as f32)).collect(),
        tokens,
        token_types,
        bos_id: Some(1),
        eos_id: Some(2),
        unknown_id: Some(0),
        ..GgufTokenizer::default()
    }
}

pub(super) fn gguf(data: GgufTokenizer) -> Result<Tokenizer, TokenizerError> {
    let config = config(data.tokens.len());
    Tokenizer::new(&TokenizerData::Gguf(Box::new(data)), &config)
}

/// Returns the tokenizer of [`smollm_data`].
pub(crate) fn smollm() -> Tokenizer {
    gguf(smollm_data()).expect("a tokenizer")
}

/// Returns the tokenizer of [`llama_data`].
pub(crate) fn llama() -> Tokenizer {
    gguf(llama_data()).expect("a tokenizer")
}
