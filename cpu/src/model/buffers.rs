//! Working memory of a step, allocated once.

use llamaglass_shaders::KV_BLOCK;

use super::config::{Capacity, Dimensions};
use crate::activations::{Activations, LARGE_TILE};
use crate::cache::value_stride;
use crate::matrix::GROUP;

/// Sixteen columns of one row.
pub type Columns = [f32; GROUP];

/// Intermediate values of a step. Rows are split into groups of 16 columns, [C/16, T, 16], so that the threads that
/// compute different groups write to separate memory.
#[derive(Debug)]
pub struct Buffers {
    /// Residual stream [C/16, T, 16].
    pub residual: Vec<Columns>,
    /// Queries, keys and values [(H + 2K) D/16, T, 16].
    pub qkv: Vec<Columns>,
    /// Output of attention [K, T, G D'].
    pub attn_out: Vec<f32>,
    /// Hidden values of the feed-forward layer [F/16, T, 16].
    pub hidden: Vec<Columns>,
    /// Logits in groups [V/16, T, 16].
    pub logit_groups: Vec<Columns>,
    /// Logits [T, V]; unused for a single row.
    pub logits: Vec<f32>,
    /// Input of a product.
    pub x: Activations,
    /// Working memory of each thread.
    pub scratch: Vec<Scratch>,
}

/// Working memory of a thread.
#[derive(Debug)]
pub struct Scratch {
    /// A row of any width.
    pub row: Vec<f32>,
    /// Product of all rows with a group.
    pub y: Vec<Columns>,
    /// Scaled queries of the heads that share a key head [G, D], or a key and a value.
    pub heads: Vec<f32>,
    /// Attention scores [G, S].
    pub scores: Vec<f32>,
}

impl Buffers {
    /// Allocates working memory for steps of up to `capacity.rows` rows on `threads` threads.
    pub fn new(dimensions: &Dimensions, capacity: &Capacity, threads: usize) -> Self {
        let Dimensions {
            vocab,
            hidden,
            heads,
            ffn,
            ..
        } = *dimensions;
        let outputs = capacity.outputs;
        // The last tile may be incomplete.
        let rows = capacity.rows + LARGE_TILE;
        let groups = |columns: usize| vec![[0.0; GROUP]; columns.div_ceil(GROUP) * rows];
        let group_size = heads.queries / heads.kv;
        let scratch = || Scratch {
            row: vec![0.0; hidden.max(ffn).max(heads.queries * heads.dim)],
            y: vec![[0.0; GROUP]; rows],
            heads: vec![0.0; group_size.max(2) * heads.dim],
            scores: vec![0.0; group_size * capacity.context.next_multiple_of(KV_BLOCK)],
        };
        let mut qkv = groups(heads.queries * heads.dim);
        qkv.extend(groups(heads.kv * heads.dim));
        qkv.extend(groups(heads.kv * heads.dim));
        let widest = hidden.max(ffn).max(heads.queries * heads.dim);
        Self {
            residual: groups(hidden),
            qkv,
            attn_out: vec![0.0; rows * heads.queries * value_stride(heads.dim)],
            hidden: groups(ffn),
            logit_groups: vec![[0.0; GROUP]; vocab.div_ceil(GROUP) * (outputs + LARGE_TILE)],
            logits: vec![0.0; if outputs > 1 { outputs * vocab } else { 0 }],
            // A row may be an output more than once.
            x: Activations::new(capacity.rows.max(outputs), widest),
            scratch: (0..threads).map(|_| scratch()).collect(),
        }
    }
}

impl Buffers {
    /// Returns the logits [`count`, V] of the step.
    pub fn logits_mut(&mut self, count: usize, vocab: usize) -> &mut [f32] {
        match count {
            1 => &mut self.logit_groups.as_flattened_mut()[..vocab],
            _ => &mut self.logits[..count * vocab],
        }
    }
}

/// Copies columns `first` to `first + to.len()` of row `row` from groups of 16 columns of `rows` rows.
pub fn gather(from: &[Columns], rows: usize, row: usize, first: usize, to: &mut [f32]) {
    let mut column = first;
    let mut to = to;
    while !to.is_empty() {
        let lane = column % GROUP;
        let count = (GROUP - lane).min(to.len());
        let (head, rest) = to.split_at_mut(count);
        let columns = &from[column / GROUP * rows + row];
        head.copy_from_slice(&columns[lane..lane + count]);
        column += count;
        to = rest;
    }
}
