//! Attention over a cache of keys and values.

use crate::kernel::parts;
use crate::{Kernel, STEP, Variant};

pub(crate) const KV_BLOCKS: &str = include_str!("../wgsl/kv/blocks.wgsl");

/// How a cache stores its values.
///
/// A cache is blocks of [`KV_BLOCK`] positions: keys [K, D/2, KV_BLOCK], then values [K, KV_BLOCK, D/2],
/// in pairs of neighbouring values of a head. What invocations that are neighbours read lies side by
/// side. Which blocks a sequence has is listed in [`step`](crate::step).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kv {
    /// As they are.
    F32,
    /// Rounded to f16.
    F16,
}

impl Kv {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::F32, Self::F16];

    /// Bytes of a value.
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

/// Positions of a block of a cache.
pub const KV_BLOCK: usize = 64;

/// Rows that a workgroup of [`attention_tile`] takes.
pub const ATTENTION_TILE_ROWS: usize = 16;

/// The widest head that attention takes; D is even.
pub const ATTENTION_MAX_D: usize = 256;

/// Query heads that a workgroup of [`attention`] takes at once.
const HEADS: usize = 4;

/// Causal attention of a row: buffers `queries` [T, H D], `cache`, `mixed` [T, STRIDE],
/// `step`; info: H, K, D, STRIDE, 1, the first row. [`attention_groups`] workgroups a row (z).
pub const fn attention(kv: Kv, variant: Variant) -> Kernel {
    let put = include_str!("../wgsl/attention/whole.wgsl");
    row(kv, variant, "attention", put)
}

/// The same for SPLITS workgroups that share the positions: `mixed` is [T, SPLITS, H, D + 2] for
/// [`ATTENTION_MERGE`], and in info SPLITS for the 1.
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

/// Workgroups of [`attention`] and [`attention_part`] for one row.
pub const fn attention_groups(h: usize, k: usize, splits: usize) -> [u32; 3] {
    [(k * (h / k).div_ceil(HEADS)) as u32, splits as u32, 1]
}

/// What [`attention_part`] left, to `mixed` [T, STRIDE]: buffers `parts`, `mixed`; info: H, D, STRIDE,
/// SPLITS, the first row. A workgroup a query head (x) and row (y).
pub const ATTENTION_MERGE: Kernel = Kernel::one(
    "attention_merge",
    include_str!("../wgsl/attention/merge.wgsl"),
    [64, 1, 1],
    "attention",
);

/// The same as [`attention`] for rows of prompts, of which each [`ATTENTION_TILE_ROWS`] are of one sequence
/// and follow each other, but for rows at position 0 that fill them; info: H, K, D, STRIDE, T. A workgroup a query head (x) and so many rows (y).
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
