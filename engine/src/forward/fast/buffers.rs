//! What a step's kernels write, allocated once.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{BLOCK, Way};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu};
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
    pub step: Buffer,
    /// [T, C]: the residual stream.
    pub x: Buffer,
    /// [T, C in whole blocks].
    pub normed: Buffer,
    /// [T, H D].
    pub queries: Buffer,
    /// [T, H D in whole blocks].
    pub mixed: Buffer,
    /// [1, SPLITS, H, D + 2]: what they leave.
    pub parts: Buffer,
    /// [T, F in whole blocks].
    pub hidden: Buffer,
    /// [1, V].
    pub logits: Buffer,
}

/// Values of a row in whole blocks.
pub const fn whole(values: usize) -> usize {
    values.next_multiple_of(BLOCK)
}

impl Buffers {
    /// Allocates them.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room.
    pub fn new(
        config: &ModelConfig,
        shape: Shape,
        (one_row, splits): (Way, usize),
        gpu: &Gpu,
    ) -> Result<Self, ForwardError> {
        let rows = shape.chunk.max(1);
        let c = config.hidden_size;
        let mixed = config.n_heads * config.head_dim;
        let values = |count: usize| gpu.empty(count * 4);
        let zeros = |count: usize| gpu.create(Bytes::from_elems(vec![0f32; count]));
        Ok(Self {
            rows,
            c,
            vocab: config.vocab_size,
            one_row,
            splits,
            parts: values(splits * config.n_heads * (config.head_dim + 2))?,
            step: values(2 + rows)?,
            x: values(rows * c)?,
            normed: zeros(rows * whole(c))?,
            queries: values(rows * mixed)?,
            mixed: zeros(rows * whole(mixed))?,
            hidden: zeros(rows * whole(config.ffn_size))?,
            logits: values(config.vocab_size)?,
        })
    }
}
