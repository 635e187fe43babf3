//! Matrix product kernels for every combination of method, weight format and use of the result.

use crate::attention::KV_BLOCKS;
use crate::kernel::parts;
use crate::{Format, Kernel, Kv, STEP, Variant, format::BLOCK_SOURCE};

/// Flag of a product: add the bias.
pub const WITH_BIAS: u32 = 1;
/// Flag of a product: add the previous contents of `y` ([`Store::Plain`] only).
pub const ADD: u32 = 2;

/// Method of computing y = x w^T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Many rows at once: a prompt or a batch.
    Tile,
    /// One row at a time.
    Row(Variant),
}

/// Use of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Write it to `y` [T, Y_STRIDE], plus a bias, plus the previous contents of `y`, as the flags say.
    Plain,
    /// Rotate queries and keys (RoPE); write queries to `y`, keys and values to the cache.
    Qkv(Kv),
    /// Apply SwiGLU: column 2 i is the gate of column 2 i + 1.
    Swiglu,
}

impl Way {
    /// All methods.
    pub const ALL: [Self; 4] = [
        Self::Tile,
        Self::Row(Variant::Lanes),
        Self::Row(Variant::Workgroups),
        Self::Row(Variant::Subgroups),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Tile => "linear_tile",
            Self::Row(Variant::Lanes) => "linear_lanes",
            Self::Row(Variant::Workgroups) => "linear_workgroups",
            Self::Row(Variant::Subgroups) => "linear_subgroups",
        }
    }

    /// Number of columns and of rows of y that a workgroup computes.
    const fn tile(self) -> [u32; 2] {
        match self {
            Self::Tile => [64, 32],
            Self::Row(Variant::Lanes) => [128, 1],
            Self::Row(Variant::Workgroups | Variant::Subgroups) => [8, 1],
        }
    }

    /// Number of workgroups for `rows` rows of y and `outputs` rows of w.
    pub const fn groups(self, rows: usize, outputs: usize) -> [u32; 3] {
        let [columns, tile_rows] = self.tile();
        [
            (outputs as u32).div_ceil(columns),
            (rows as u32).div_ceil(tile_rows),
            1,
        ]
    }
}

impl Store {
    /// All uses.
    pub const ALL: [Self; 4] = [
        Self::Plain,
        Self::Qkv(Kv::F32),
        Self::Qkv(Kv::F16),
        Self::Swiglu,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Qkv(Kv::F32) => "qkv",
            Self::Qkv(Kv::F16) => "qkv f16",
            Self::Swiglu => "swiglu",
        }
    }
}

/// Kernel that computes y = x w^T by `way`, with w [OUT, IN] in `format`, and then applies `store`.
///
/// Buffers: `x` [.., 32 BLOCKS] f32, `quants` and `side` of w, `y` [T, Y_STRIDE] f32, and for [`Store::Qkv`]
/// `angles` [S, D/2] of cosine and sine, `cache` ([`Kv`]) and `step` ([`step`](crate::step)).
///
/// Words of info: T, blocks per row (values of x past IN are zero), OUT, flags ([`WITH_BIAS`], [`ADD`]), the
/// row of `x` that becomes row 0 of `y`, the offset of the bias `[OUT]` in `side`, the column that row 0 of w
/// yields, Y_STRIDE, and for [`Store::Qkv`] H, K and D.
pub const fn linear(way: Way, format: Format, store: Store) -> Kernel {
    let [values, scales] = format.sources();
    // A tile uses a block for many rows, so it dequantises the block once instead.
    let by_row = include_str!("../wgsl/linear/dot.wgsl");
    let (dot, reduce, main, workgroup_size) = match way {
        Way::Tile => ("", "", include_str!("../wgsl/linear/tile.wgsl"), [8, 4, 1]),
        Way::Row(Variant::Lanes) => (
            by_row,
            "",
            include_str!("../wgsl/linear/lanes.wgsl"),
            [16, 1, 1],
        ),
        Way::Row(variant) => (
            by_row,
            variant.gather(),
            include_str!("../wgsl/linear/workgroups.wgsl"),
            [64, 1, 1],
        ),
    };
    let plain = include_str!("../wgsl/linear/store/plain.wgsl");
    let qkv = include_str!("../wgsl/linear/store/qkv.wgsl");
    let swiglu = include_str!("../wgsl/linear/store/swiglu.wgsl");
    let (cache, stored, reference) = match store {
        Store::Plain => ([""; 3], plain, "linear"),
        Store::Qkv(kv) => ([kv.source(), STEP, KV_BLOCKS], qkv, "rope"),
        Store::Swiglu => ([""; 3], swiglu, "swiglu"),
    };
    let [pair, step, blocks] = cache;
    Kernel {
        name: [way.name(), format.name(), store.name()],
        parts: parts([
            BLOCK_SOURCE,
            values,
            scales,
            include_str!("../wgsl/linear/product.wgsl"),
            pair,
            step,
            blocks,
            stored,
            dot,
            reduce,
            main,
        ]),
        workgroup_size,
        subgroups: match way {
            Way::Row(variant) => variant.subgroups(),
            Way::Tile => false,
        },
        reference,
    }
}
