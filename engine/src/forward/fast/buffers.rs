//! What a step's kernels write, allocated once.

use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::{BLOCK, Way};

use super::super::shape::Shape;
use crate::weights::ModelConfig;

/// Buffers for steps of up to `rows` ids, all f32 but `step`.
///
/// Rows that products read are whole blocks: what they have too many is zero, and stays so.
pub struct Buffers {
    /// T at most.
    pub rows: usize,
    /// C.
    pub c: usize,
    /// V.
    pub vocab: usize,
    /// How a product with one row is computed.
    pub one_row: Way,
    /// How many workgroups share a row's positions in attention.
    pub splits: usize,
    /// [2 + T] u32: the position, T, the ids.
    pub step: Handle,
    /// [T, C]: the residual stream.
    pub x: Handle,
    /// [T, C in whole blocks].
    pub normed: Handle,
    /// [T, H D].
    pub queries: Handle,
    /// [T, H D in whole blocks].
    pub mixed: Handle,
    /// [1, SPLITS, H, D + 2]: what they leave.
    pub parts: Handle,
    /// [T, F in whole blocks].
    pub hidden: Handle,
    /// [1, V].
    pub logits: Handle,
}

/// One step's rows.
pub struct Step {
    /// The residual stream [T, C].
    pub x: Handle,
    /// T.
    pub tokens: usize,
}

/// Values of a row in whole blocks.
pub const fn whole(values: usize) -> usize {
    values.next_multiple_of(BLOCK)
}

impl Buffers {
    /// Allocates them.
    pub fn new(
        config: &ModelConfig,
        shape: Shape,
        (one_row, splits): (Way, usize),
        client: &Client,
    ) -> Self {
        let rows = shape.chunk.max(1);
        let c = config.hidden_size;
        let mixed = config.n_heads * config.head_dim;
        let values = |count: usize| client.empty(count * 4);
        let zeros = |count: usize| client.create(Bytes::from_elems(vec![0f32; count]));
        Self {
            rows,
            c,
            vocab: config.vocab_size,
            one_row,
            splits,
            parts: values(splits * config.n_heads * (config.head_dim + 2)),
            step: values(2 + rows),
            x: values(rows * c),
            normed: zeros(rows * whole(c)),
            queries: values(rows * mixed),
            mixed: zeros(rows * whole(mixed)),
            hidden: zeros(rows * whole(config.ffn_size)),
            logits: values(config.vocab_size),
        }
    }

    /// What `step` is to hold: its whole length, since a write is of a whole buffer.
    pub fn step_bytes(&self, ids: &[u32], position: usize) -> Vec<u8> {
        let mut bytes = vec![0; 4 * (2 + self.rows)];
        let head = [position as u32, ids.len() as u32];
        let words = head.into_iter().chain(ids.iter().copied());
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}
