//! What a step's kernels write, allocated once.

use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::Linear;

use super::super::model::Shape;
use crate::weights::ModelConfig;

/// Buffers for steps of up to `rows` ids, all f32 but `step`.
pub struct Buffers {
    /// T at most.
    pub rows: usize,
    /// C.
    pub c: usize,
    /// V.
    pub vocab: usize,
    /// How a product with one row is computed.
    pub one_row: &'static Linear,
    /// [1 + T] u32: the position, then the ids.
    pub step: Handle,
    /// [T, C]: the residual stream.
    pub x: Handle,
    /// [T, C].
    pub normed: Handle,
    /// [T, (H + 2K) D].
    pub qkv: Handle,
    /// [T, H D].
    pub mixed: Handle,
    /// [T, 2F].
    pub gate_up: Handle,
    /// [T, F].
    pub hidden: Handle,
    /// [1, V].
    pub logits: Handle,
    /// Bound where a product has no bias.
    pub no_bias: Handle,
}

/// One step's rows.
pub struct Step {
    /// The residual stream [T, C].
    pub x: Handle,
    /// T.
    pub tokens: usize,
}

impl Buffers {
    /// Allocates them.
    pub fn new(
        config: &ModelConfig,
        shape: Shape,
        one_row: &'static Linear,
        client: &Client,
    ) -> Self {
        let rows = shape.chunk.max(1);
        let c = config.hidden_size;
        let heads = config.n_heads + 2 * config.n_kv_heads;
        let values = |count: usize| client.empty(count * 4);
        Self {
            rows,
            c,
            vocab: config.vocab_size,
            one_row,
            step: values(1 + rows),
            x: values(rows * c),
            normed: values(rows * c),
            qkv: values(rows * heads * config.head_dim),
            mixed: values(rows * config.n_heads * config.head_dim),
            gate_up: values(rows * 2 * config.ffn_size),
            hidden: values(rows * config.ffn_size),
            logits: values(config.vocab_size),
            no_bias: values(1),
        }
    }

    /// What `step` is to hold: its whole length, since a write is of a whole buffer.
    pub fn step_bytes(&self, ids: &[u32], position: usize) -> Vec<u8> {
        let mut bytes = vec![0; 4 * (1 + self.rows)];
        let words = std::iter::once(position as u32).chain(ids.iter().copied());
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}
