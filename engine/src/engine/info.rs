//! What is loaded, and on what.

use std::collections::BTreeMap;

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};

use super::StubLevel;
use crate::forward::{BackendInfo, ForwardPath, MemoryLedger};
use crate::timing::LoadTiming;
use crate::weights::{Checkpoint, ModelConfig};

/// A loaded model and what runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The model's own name, or what stands for it.
    pub name: String,
    /// The file format and its version.
    pub format: String,
    /// The tensor type that most of the weights' bytes have.
    pub quantisation: String,
    /// The model's shape.
    pub config: ModelConfig,
    /// How many weights there are.
    pub parameters: u64,
    /// Bytes of all tensors as stored.
    pub file_bytes: u64,
    /// Tensors and bytes by type, most bytes first.
    pub tensor_types: Vec<TypeCount>,
    /// Positions of the KV cache.
    pub context_length: usize,
    /// The most prompt ids that a step computes.
    #[serde(default)]
    pub prefill_chunk: usize,
    /// How many requests are answered at once.
    pub batch: usize,
    /// Positions of the KV cache, of all requests together.
    #[serde(default)]
    pub kv_positions: usize,
    /// Whether the model can chat.
    pub has_chat_template: bool,
    /// What runs it.
    pub backend: BackendInfo,
    /// How a step is computed there.
    pub path: ForwardPath,
    /// Which variant of our own kernels, on the fast path.
    #[serde(default)]
    pub variant: Option<Variant>,
    /// What it takes on the device.
    pub memory: MemoryLedger,
    /// How far the path of a request is followed.
    #[serde(default)]
    pub stub: StubLevel,
    /// Where the load's time went.
    pub load: LoadTiming,
}

impl ModelInfo {
    /// Bytes that a decode step at `position` reads: every weight but what it looks up, and the
    /// keys and values of all positions before it.
    pub fn decode_bytes(&self, position: f64) -> f64 {
        let a_position = self.memory.kv_cache as f64 / self.kv_positions.max(1) as f64;
        (self.memory.weights - self.memory.looked_up) as f64 + position * a_position
    }

    /// Floating-point operations that a prompt of `tokens` from position 0 takes: two a weight and
    /// token (the output matrix for the last only), and those of causal attention.
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

/// How much of a checkpoint has one tensor type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCount {
    /// The type's name.
    pub name: String,
    /// How many tensors.
    pub tensors: usize,
    /// Their bytes as stored.
    pub bytes: u64,
}

/// Tensors and bytes of `checkpoint` by type, most bytes first.
pub fn type_counts(checkpoint: &Checkpoint) -> Vec<TypeCount> {
    let mut counts: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for tensor in checkpoint.tensors() {
        let count = counts.entry(tensor.tensor_type.name()).or_default();
        count.0 += 1;
        count.1 += tensor.bytes;
    }
    let mut counts: Vec<TypeCount> = counts
        .into_iter()
        .map(|(name, (tensors, bytes))| TypeCount {
            name: name.into(),
            tensors,
            bytes,
        })
        .collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.bytes));
    counts
}
