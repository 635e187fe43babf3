//! The resolved configuration of a model: every default filled in, every value checked.

use serde::{Deserialize, Serialize};

/// The shape of a Llama, resolved once from config.json or GGUF metadata.
///
/// Letters used for shapes everywhere: B batch, T tokens, C hidden, H heads, K kv heads, D head
/// size, F ffn, V vocabulary, L blocks, S context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// The model's own name, where the file has one.
    pub name: Option<String>,
    /// V: rows of the token embedding.
    pub vocab_size: usize,
    /// C: width of the residual stream.
    pub hidden_size: usize,
    /// L: number of blocks.
    pub n_layers: usize,
    /// H: query heads.
    pub n_heads: usize,
    /// K: key and value heads; divides H.
    pub n_kv_heads: usize,
    /// D: size of one head; H * D need not be C.
    pub head_dim: usize,
    /// F: width of the feed-forward layer.
    pub ffn_size: usize,
    /// S: the longest sequence the model was made for.
    pub context_length: usize,
    /// Added to the mean square in RMSNorm.
    pub rms_eps: f32,
    /// Rotary position embedding.
    pub rope: RopeConfig,
    /// Whether the token embedding is the output matrix too (decided by the tensors there are).
    pub tied: bool,
    /// Whether q, k and v (and o, where its tensor is there) have biases.
    pub attention_bias: bool,
    /// Whether gate, up and down have biases.
    pub mlp_bias: bool,
    /// The id that begins a sequence.
    pub bos_id: Option<u32>,
    /// The ids that end an answer (config.json's, or the GGUF's eos).
    pub eos_ids: Vec<u32>,
}

/// Rotary position embedding, RoFormer (arXiv:2104.09864).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeConfig {
    /// The base of the frequencies.
    pub theta: f32,
    /// How the frequencies are changed for longer contexts.
    pub scaling: RopeScaling,
    /// Which elements of a head are rotated together, in the rows as stored.
    pub layout: RopeLayout,
}

/// How the rotary frequencies are changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Every frequency divided by `factor`.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// Llama 3's: low frequencies divided by `factor`, high ones kept, a ramp between.
    Llama3 {
        /// The divisor of the lowest frequencies.
        factor: f32,
        /// Wavelengths above `original_context / low_freq_factor` are low frequencies.
        low_freq_factor: f32,
        /// Wavelengths below `original_context / high_freq_factor` are high frequencies.
        high_freq_factor: f32,
        /// The context the model was first trained with.
        original_context: usize,
    },
    /// Pair i's frequency divided by value i (a GGUF's `rope_freqs.weight`); D / 2 values.
    Factors(Vec<f32>),
}

/// Which elements of a head form a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeLayout {
    /// i with i + D/2: Hugging Face's row order.
    Halves,
    /// 2i with 2i + 1: GGUF's row order.
    Interleaved,
}
