//! What a step's kernels write, allocated once.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{BLOCK, Variant, step};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu};
use super::super::shape::Shape;
use crate::weights::ModelConfig;

/// Buffers for steps of up to `rows` rows, all f32 but `step`.
///
/// Rows that products read are whole blocks: what they have too many is zero, and stays so.
pub struct Buffers {
    /// T at most.
    pub rows: usize,
    /// C.
    pub c: usize,
    /// V.
    pub vocab: usize,
    /// Which variant of the kernels is launched.
    pub variant: Variant,
    /// How many workgroups share a row's positions in attention.
    pub splits: usize,
    /// Rows, and the blocks of the cache that each sequence has: [`step`].
    pub step: Buffer,
    /// Blocks a sequence has at most.
    blocks: usize,
    /// [T, C]: the residual stream.
    pub x: Buffer,
    /// [T, C in whole blocks].
    pub normed: Buffer,
    /// [T, H D].
    pub queries: Buffer,
    /// [T, H D in whole blocks].
    pub mixed: Buffer,
    /// [B, SPLITS, H, D + 2]: what they leave.
    pub parts: Buffer,
    /// [T, F in whole blocks].
    pub hidden: Buffer,
    /// [B, V].
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
        (variant, splits): (Variant, usize),
        gpu: &Gpu,
    ) -> Result<Self, ForwardError> {
        let rows = shape.rows();
        let c = config.hidden_size;
        let mixed = config.n_heads * config.head_dim;
        let values = |count: usize| gpu.empty(count * 4);
        let zeros = |count: usize| gpu.create(Bytes::from_elems(vec![0f32; count]));
        Ok(Self {
            rows,
            c,
            vocab: config.vocab_size,
            variant,
            splits,
            parts: values(shape.batch * splits * config.n_heads * (config.head_dim + 2))?,
            step: gpu.create(Bytes::from_elems(step_words(rows, shape)))?,
            blocks: shape.blocks(),
            x: values(rows * c)?,
            normed: zeros(rows * whole(c))?,
            queries: values(rows * mixed)?,
            mixed: zeros(rows * whole(mixed))?,
            hidden: zeros(rows * whole(config.ffn_size))?,
            logits: values(shape.batch * config.vocab_size)?,
        })
    }

    /// Where in `step` the blocks of the sequence in `slot` are listed.
    pub const fn blocks_of(&self, slot: usize) -> usize {
        tables(self.rows) + slot * self.blocks
    }
}

/// The word of `step` at which the blocks of the first sequence are listed.
const fn tables(rows: usize) -> usize {
    step::HEAD_WORDS + step::ROW_WORDS * rows
}

/// No rows yet, and to the first sequence the first blocks, to others none.
fn step_words(rows: usize, shape: Shape) -> Vec<u32> {
    let mut words = vec![0; tables(rows)];
    words.extend(1..=shape.blocks() as u32);
    words.resize(tables(rows) + shape.batch * shape.blocks(), 0);
    words
}
