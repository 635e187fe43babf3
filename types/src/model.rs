//! Description of a loaded model and its backend.

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};

use crate::backend::{BackendInfo, MemoryLedger};
use crate::config::ModelConfig;
use crate::options::ForwardPath;
use crate::timing::LoadTiming;

/// A loaded model and the backend that runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name from the model's metadata, or a substitute.
    pub name: String,
    /// File format and its version.
    pub format: String,
    /// Tensor type with the most bytes among the weights.
    pub quantisation: String,
    /// Hyperparameters of the model.
    pub config: ModelConfig,
    /// Number of weights.
    pub parameters: u64,
    /// Bytes of all tensors as stored.
    pub file_bytes: u64,
    /// Number of tensors and bytes per tensor type, most bytes first.
    pub tensor_types: Vec<TypeCount>,
    /// Maximum number of positions per request.
    pub context_length: usize,
    /// Maximum number of prompt ids per step.
    #[serde(default)]
    pub prefill_chunk: usize,
    /// Maximum number of running requests.
    pub batch: usize,
    /// Positions in the KV cache, for all requests together.
    #[serde(default)]
    pub kv_positions: usize,
    /// True if the model has a chat template.
    pub has_chat_template: bool,
    /// Backend that runs the model.
    pub backend: BackendInfo,
    /// Path through the model.
    pub path: ForwardPath,
    /// Variant of the fast path's kernels.
    #[serde(default)]
    pub variant: Option<Variant>,
    /// Memory use on the device.
    pub memory: MemoryLedger,
    /// Time that each phase of the load took.
    pub load: LoadTiming,
}

impl ModelInfo {
    /// Bytes that a decode step at `position` reads: all weights except those that are only looked up, and
    /// the keys and values of all positions before it.
    pub fn decode_bytes(&self, position: f64) -> f64 {
        let a_position = self.memory.kv_cache as f64 / self.kv_positions.max(1) as f64;
        (self.memory.weights - self.memory.looked_up) as f64 + position * a_position
    }

    /// Floating-point operations for a prompt of `tokens` ids from position 0: two per weight and token (the
    /// output matrix for the last token only), plus causal attention.
    pub fn prefill_flop(&self, tokens: f64) -> f64 {
        let config = &self.config;
        let [c, v, l, h_d] = [
            config.hidden_size,
            config.vocab_size,
            config.n_layers,
            config.n_heads * config.head_dim,
        ]
        .map(|n| n as f64);
        let tables = if config.tied { 1.0 } else { 2.0 };
        let of_every_token = self.parameters as f64 - tables * v * c;
        let attention = 4.0 * l * h_d * tokens * (tokens + 1.0) / 2.0;
        2.0 * (of_every_token * tokens + v * c) + attention
    }
}

/// Tensors of a checkpoint that have the same type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCount {
    /// Name of the type.
    pub name: String,
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of these tensors as stored.
    pub bytes: u64,
}
