//! Buffers that a step's kernels write, allocated once.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{BLOCK, Variant, step};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu};
use super::super::shape::Shape;
use crate::weights::ModelConfig;

/// Buffers for steps of up to `rows` rows; all are f32 except `step`.
///
/// Rows that products read are padded to full blocks. The padding is zero and never changes.
pub struct Buffers {
    /// Maximum number of rows per step, T.
    pub rows: usize,
    /// Hidden size, C.
    pub c: usize,
    /// Vocabulary size, V.
    pub vocab: usize,
    /// Kernel variant in use.
    pub variant: Variant,
    /// Number of workgroups that share a row's positions in attention.
    pub splits: usize,
    /// Rows of the step and block tables of the sequences, laid out as in [`step`].
    pub step: Buffer,
    /// Maximum number of blocks per sequence.
    blocks: usize,
    /// Residual stream [T, C].
    pub x: Buffer,
    /// Normed residual stream [T, C], rows padded to full blocks.
    pub normed: Buffer,
    /// Queries [T, H D].
    pub queries: Buffer,
    /// Attention outputs [T, H D], rows padded to full blocks.
    pub attn_out: Buffer,
    /// Partial attention outputs of each split, [B, SPLITS, H, D + 2].
    pub parts: Buffer,
    /// Feed-forward activations [T, F], rows padded to full blocks.
    pub hidden: Buffer,
    /// Logits [B, V].
    pub logits: Buffer,
}

/// Returns the number of values in a row padded to full blocks.
pub const fn padded(values: usize) -> usize {
    values.next_multiple_of(BLOCK)
}

impl Buffers {
    /// Allocates the buffers.
    pub fn new(
        config: &ModelConfig,
        shape: Shape,
        variant: Variant,
        gpu: &Gpu,
    ) -> Result<Self, ForwardError> {
        let splits = attention_splits(variant, shape.context);
        let rows = shape.rows();
        let c = config.hidden_size;
        let attn_out = config.n_heads * config.head_dim;
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
            normed: zeros(rows * padded(c))?,
            queries: values(rows * attn_out)?,
            attn_out: zeros(rows * padded(attn_out))?,
            hidden: zeros(rows * padded(config.ffn_size))?,
            logits: values(shape.batch * config.vocab_size)?,
        })
    }

    /// Returns the word of `step` at which the block table of the sequence in `slot` begins.
    pub const fn block_table(&self, slot: usize) -> usize {
        tables_offset(self.rows) + slot * self.blocks
    }
}

/// Maximum number of workgroups that share a row's positions in attention.
const MAX_SPLITS: usize = 16;
/// Minimum number of positions per workgroup in attention, at full context.
const MIN_SPLIT_POSITIONS: usize = 128;

/// Returns the number of workgroups that share a row's positions in attention. With one each, a GPU would run
/// only as many workgroups as there are kv heads; for a software adapter those are enough.
fn attention_splits(variant: Variant, context: usize) -> usize {
    match variant {
        Variant::Lanes => 1,
        Variant::Workgroups | Variant::Subgroups => {
            (context / MIN_SPLIT_POSITIONS).clamp(1, MAX_SPLITS)
        }
    }
}

/// Returns the word of `step` at which the first block table begins.
const fn tables_offset(rows: usize) -> usize {
    step::HEAD_WORDS + step::ROW_WORDS * rows
}

/// Returns the initial `step`: no rows, the first blocks for the first sequence, and none for the others.
fn step_words(rows: usize, shape: Shape) -> Vec<u32> {
    let mut words = vec![0; tables_offset(rows)];
    words.extend(1..=shape.blocks() as u32);
    words.resize(tables_offset(rows) + shape.batch * shape.blocks(), 0);
    words
}
