//! The tokenizer data of a model file, before a tokenizer is built from it.

use serde_json::Value;

/// Tokenizer data as found with the weights.
#[derive(Clone, Debug)]
pub enum TokenizerData {
    /// The files of a Hugging Face folder.
    HuggingFace {
        /// Contents of tokenizer.json.
        tokenizer_json: Vec<u8>,
        /// Contents of tokenizer_config.json, if the folder has one.
        tokenizer_config: Option<Value>,
        /// Contents of chat_template.jinja, if the folder has one; it takes precedence over the template in
        /// tokenizer_config.json.
        chat_template: Option<String>,
        /// Contents of generation_config.json, if the folder has one.
        generation_config: Option<Value>,
    },
    /// The `tokenizer.*` metadata of a GGUF file.
    Gguf(Box<GgufTokenizer>),
    /// No tokenizer: ids 0..256 are the bytes of the text (seeded random weights).
    Bytes {
        /// Number of token ids.
        vocab_size: usize,
    },
}

/// The `tokenizer.*` metadata of a GGUF file (ggml-org's GGUF specification).
#[derive(Clone, Debug, Default)]
pub struct GgufTokenizer {
    /// `tokenizer.ggml.model`: `gpt2` or `llama`.
    pub model: String,
    /// `tokenizer.ggml.pre`: the pre-tokenizer's name.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.scores` (SentencePiece).
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// `tokenizer.ggml.merges` (byte-pair encoding): "left right".
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos_id: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos_id: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`.
    pub eot_id: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unknown_id: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`.
    pub padding_id: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`.
    pub add_eos: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`.
    pub chat_template: Option<String>,
}
