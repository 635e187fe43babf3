//! Attention over a KV cache.

use crate::kernel::parts;
use crate::{Kernel, STEP, Variant};

pub(crate) const KV_BLOCKS: &str = include_str!("../wgsl/kv/blocks.wgsl");

/// Data type of a KV cache's values.
///
/// A cache consists of blocks of [`KV_BLOCK`] positions. A block has keys [K, D/2, KV_BLOCK], then values [K,
/// KV_BLOCK, D/2], in pairs of neighbouring values of a head, so that neighbouring invocations read adjacent
/// memory. [`step`](crate::step) lists the blocks of each sequence.
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
const HEADS: usize = 4;

/// Causal attention of single rows. Buffers `queries` [T, H D], `cache`, `mixed` [T, STRIDE], `step`; info: H,
/// K, D, STRIDE, 1, the first row. Takes [`attention_groups`] workgroups per row; rows are in z.
pub const fn attention(kv: Kv, variant: Variant) -> Kernel {
    let put = include_str!("../wgsl/attention/whole.wgsl");
    row(kv, variant, "attention", put)
}

/// Like [`attention`], for SPLITS workgroups that share a row's positions: `mixed` is [T, SPLITS, H, D + 2] for
/// [`ATTENTION_MERGE`], and info has SPLITS in place of the 1.
pub const fn attention_part(kv: Kv, variant: Variant) -> Kernel {
    let put = include_str!("../wgsl/attention/part.wgsl");
    row(kv, variant, "attention_part", put)
}

const fn row(kv: Kv, variant: Variant, name: &'static str, put: &'static str) -> Kernel {
    let row = include_str!("../wgsl/attention/row.wgsl");
    let subgroups = variant.subgroups();
    Kernel {
        name: [name, kv.name(), if subgroups { "subgroups" } else { "" }],
        parts: parts([kv.source(), STEP, KV_BLOCKS, put, variant.gather(), row]),
        workgroup_size: [64, 1, 1],
        subgroups,
        reference: "attention",
    }
}

/// Number of workgroups of [`attention`] and [`attention_part`] for one row.
pub const fn attention_groups(h: usize, k: usize, splits: usize) -> [u32; 3] {
    [(k * (h / k).div_ceil(HEADS)) as u32, splits as u32, 1]
}

/// Combines the results of [`attention_part`] into `mixed` [T, STRIDE]. Buffers `parts`, `mixed`; info: H, D,
/// STRIDE, SPLITS, the first row. One workgroup per query head (x) and row (y).
pub const ATTENTION_MERGE: Kernel = Kernel::one(
    "attention_merge",
    include_str!("../wgsl/attention/merge.wgsl"),
    [64, 1, 1],
    "attention",
);

/// Like [`attention`], for rows of prompts. Each group of [`ATTENTION_TILE_ROWS`] rows consists of consecutive
/// rows of one sequence, padded with rows at position 0. info: H, K, D, STRIDE, T. One workgroup per query head
/// (x) and group of rows (y).
pub const fn attention_tile(kv: Kv) -> Kernel {
    let tile = include_str!("../wgsl/attention/tile.wgsl");
    Kernel {
        name: ["attention_tile", kv.name(), ""],
        parts: parts([kv.source(), STEP, KV_BLOCKS, tile]),
        workgroup_size: [16, 4, 1],
        subgroups: false,
        reference: "attention",
    }
}
