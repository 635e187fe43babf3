//! A model's resolved configuration: defaults filled in, all values checked.

use serde::{Deserialize, Serialize};

/// The shape of a Llama, resolved once from config.json or GGUF metadata.
///
/// Shapes use these letters everywhere: B batch, T tokens, C hidden size, H heads, K KV heads, D head size, F
/// feed-forward size, V vocabulary, L transformer blocks, S context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// The model's name, if the file has one.
    pub name: Option<String>,
    /// V: vocabulary size, which is the number of rows of the token embedding.
    pub vocab_size: usize,
    /// C: width of the residual stream.
    pub hidden_size: usize,
    /// L: number of transformer blocks.
    pub n_layers: usize,
    /// H: number of query heads.
    pub n_heads: usize,
    /// K: number of key and value heads; divides H.
    pub n_kv_heads: usize,
    /// D: size of one head; H * D may differ from C.
    pub head_dim: usize,
    /// F: width of the feed-forward layer.
    pub ffn_size: usize,
    /// S: maximum sequence length that the model was made for.
    pub context_length: usize,
    /// Epsilon that RMSNorm adds to the mean square.
    pub rms_eps: f32,
    /// Rotary position embedding.
    pub rope: RopeConfig,
    /// True if the output matrix is the token embedding (decided by which tensors exist).
    pub tied: bool,
    /// True if q, k and v have biases, and o where its bias tensor exists.
    pub attention_bias: bool,
    /// True if gate, up and down have biases.
    pub mlp_bias: bool,
    /// Beginning-of-sequence id.
    pub bos_id: Option<u32>,
    /// End-of-sequence ids (from config.json, or the end ids of the GGUF).
    pub eos_ids: Vec<u32>,
}

/// Rotary position embedding, RoFormer (arXiv:2104.09864).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeConfig {
    /// The base of the frequencies.
    pub theta: f32,
    /// Scaling of the frequencies for longer contexts.
    pub scaling: RopeScaling,
    /// Pairs of elements that are rotated together, in rows as stored.
    pub layout: RopeLayout,
}

/// Scaling of the rotary frequencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeScaling {
    /// No scaling.
    None,
    /// Divides every frequency by `factor`.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// Llama 3's scaling: divides low frequencies by `factor`, keeps high ones, and interpolates in between.
    Llama3 {
        /// The divisor of the lowest frequencies.
        factor: f32,
        /// Wavelengths above `original_context / low_freq_factor` are low frequencies.
        low_freq_factor: f32,
        /// Wavelengths below `original_context / high_freq_factor` are high frequencies.
        high_freq_factor: f32,
        /// Context length that the model was first trained with.
        original_context: usize,
    },
    /// Divides the frequency of pair i by value i (`rope_freqs.weight` of a GGUF); D / 2 values.
    Factors(Vec<f32>),
}

/// Pairing of a head's elements for rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeLayout {
    /// Elements i and i + D/2: Hugging Face's row order.
    Halves,
    /// Elements 2i and 2i + 1: GGUF's row order.
    Interleaved,
}
