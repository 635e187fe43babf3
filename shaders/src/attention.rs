//! Attention over a KV cache.

use crate::kernel::{constants, parts};
use crate::params::{AttentionParams, AttentionTileParams, Params};
use crate::{Kernel, STEP, Variant};

const PARAMS: &str = include_str!("../wgsl/attention/params.wgsl");
pub(crate) const KV_BLOCKS: &str = include_str!("../wgsl/kv/blocks.wgsl");

/// Heads of an attention layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// H: number of query heads.
    pub queries: usize,
    /// K: number of key heads, and of value heads.
    pub kv: usize,
    /// D: number of values per head.
    pub dim: usize,
}

impl Heads {
    /// Number of values in one row of queries, keys and values: (H + 2 K) D.
    pub const fn row(self) -> usize {
        (self.queries + 2 * self.kv) * self.dim
    }

    pub(crate) const fn constants(self) -> [(&'static str, usize); 3] {
        [
            ("HEADS", self.queries),
            ("KV_HEADS", self.kv),
            ("HEAD_DIM", self.dim),
        ]
    }
}

/// Data type of a KV cache's values.
///
/// A cache consists of blocks of [`KV_BLOCK`] positions. A block has keys [K, D/2, KV_BLOCK], then values [K,
/// KV_BLOCK, D/2], in pairs of neighbouring values of a head, so that neighbouring invocations read adjacent
/// memory. [`step`](crate::step) has the block table of each sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kv {
    /// 32-bit float.
    F32,
    /// Rounded to 16-bit float.
    F16,
}

impl Kv {
    /// All types.
    pub const ALL: [Self; 2] = [Self::F32, Self::F16];

    /// Number of bytes per value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::F32 => include_str!("../wgsl/kv/f32.wgsl"),
            Self::F16 => include_str!("../wgsl/kv/f16.wgsl"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::F32 => "",
            Self::F16 => "f16",
        }
    }
}

/// Number of positions per cache block.
pub const KV_BLOCK: usize = 64;

/// Number of rows that a workgroup of [`attention_tile`] computes.
pub const ATTENTION_TILE_ROWS: usize = 16;

/// Maximum head size D; D must be even.
pub const ATTENTION_MAX_D: usize = 256;

/// Maximum number of query heads that a workgroup of [`attention`] computes at once.
const HEADS_PER_PASS: usize = 4;

/// Causal attention of single rows, from a given row of the step on. Buffers `queries` [T, H D], `cache`,
/// `attn_out` [T, STRIDE], `step`; [`AttentionParams`] with one split. Takes [`attention_groups`] workgroups per
/// row; rows are in z.
pub const fn attention(kv: Kv, variant: Variant, heads: Heads) -> Kernel {
    let store = include_str!("../wgsl/attention/full.wgsl");
    row(["attention", store], kv, variant, heads)
}

/// Like [`attention`], for SPLITS workgroups that share a row's positions: instead of `attn_out`, it writes
/// `parts` [T, SPLITS, H, D + 2] for [`attention_merge`].
pub const fn attention_part(kv: Kv, variant: Variant, heads: Heads) -> Kernel {
    let store = include_str!("../wgsl/attention/part.wgsl");
    row(["attention_part", store], kv, variant, heads)
}

const fn row([name, store]: [&'static str; 2], kv: Kv, variant: Variant, heads: Heads) -> Kernel {
    let row = include_str!("../wgsl/attention/row.wgsl");
    let subgroups = variant.subgroups();
    Kernel {
        name: [name, kv.name(), if subgroups { "subgroups" } else { "" }],
        parts: parts([
            PARAMS,
            kv.source(),
            STEP,
            KV_BLOCKS,
            store,
            variant.gather(),
            row,
        ]),
        constants: constants(heads.constants()),
        params: AttentionParams::LAYOUT,
        workgroup_size: [64, 1, 1],
        subgroups,
        reference: "attention",
    }
}

/// Number of workgroups of [`attention`] and [`attention_part`] for one row.
pub const fn attention_groups(heads: Heads, splits: usize) -> [u32; 3] {
    let passes = (heads.queries / heads.kv).div_ceil(HEADS_PER_PASS);
    [(heads.kv * passes) as u32, splits as u32, 1]
}

/// Combines the results of [`attention_part`]. Buffers `parts`, `attn_out` [T, STRIDE]; [`AttentionParams`]. One
/// workgroup per query head (x) and row (y).
pub const fn attention_merge(heads: Heads) -> Kernel {
    let merge = include_str!("../wgsl/attention/merge.wgsl");
    Kernel {
        constants: constants(heads.constants()),
        reference: "attention",
        ..Kernel::new::<AttentionParams, 2>("attention_merge", [PARAMS, merge], [64, 1, 1])
    }
}

/// Like [`attention`], for rows of prompts. Each group of [`ATTENTION_TILE_ROWS`] rows consists of consecutive
/// rows of one sequence, padded with rows at position 0. [`AttentionTileParams`]. One workgroup per query head
/// (x) and group of rows (y).
pub const fn attention_tile(kv: Kv, heads: Heads) -> Kernel {
    let tile = include_str!("../wgsl/attention/tile.wgsl");
    Kernel {
        name: ["attention_tile", kv.name(), ""],
        constants: constants(heads.constants()),
        reference: "attention",
        ..Kernel::new::<AttentionTileParams, 4>(
            "",
            [kv.source(), STEP, KV_BLOCKS, tile],
            [16, 4, 1],
        )
    }
}
