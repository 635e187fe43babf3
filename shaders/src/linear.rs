//! Matrix product kernels for every combination of method, weight format and use of the result.

use crate::attention::KV_BLOCKS;
use crate::format::BLOCK_SOURCE;
use crate::kernel::{constants, parts};
use crate::params::{LinearParams, Params};
use crate::{Format, Heads, Kernel, Kv, STEP, Variant};

/// Method of computing y = x w^T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatmulKernel {
    /// Many rows at once: a prompt or a batch.
    Tile,
    /// One row at a time.
    Row(Variant),
}

/// Use of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Write it to `y` [T, Y_STRIDE]; add to the previous contents of `y` if `add` is set.
    Plain {
        /// True to add to `y`.
        add: bool,
    },
    /// Rotate queries and keys (RoPE); write queries to `y`, keys and values to the cache.
    Qkv(Kv, Heads),
    /// Apply SwiGLU: column 2 i is the gate of column 2 i + 1.
    Swiglu,
}

impl MatmulKernel {
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
    const fn name(self) -> &'static str {
        match self {
            Self::Plain { .. } => "",
            Self::Qkv(Kv::F32, _) => "qkv",
            Self::Qkv(Kv::F16, _) => "qkv f16",
            Self::Swiglu => "swiglu",
        }
    }
}

/// WGSL functions of tile.wgsl that differ only in a number: `weights_N` dequantises the Nth four values of each of
/// 8 blocks. The first half of a block has its scale in x, the second in y.
const TILE_WEIGHTS: &str = {
    macro_rules! functions {
        ($($n:literal $half:literal)+) => {
            concat!($(
                "fn weights_", $n, "(b: Blocks) -> Weights {\n    return Weights(\n",
                functions!($n, $half, "b0" "b1" "b2" "b3" "b4" "b5" "b6" "b7"),
                "    );\n}\n",
            )+)
        };
        ($n:literal, $half:literal, $($block:literal)+) => {
            concat!($(
                "        value(four_", $n, "(b.", $block, ".quants), ",
                "b.", $block, ".scale.", $half, ", b.", $block, ".low.", $half, "),\n",
            )+)
        };
    }
    functions!(0 "x" 1 "x" 2 "x" 3 "x" 4 "y" 5 "y" 6 "y" 7 "y")
};

/// Matrix operand of a product, w [OUT, 32 BLOCKS].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixLayout {
    /// Format of its values.
    pub format: Format,
    /// Number of blocks per row; values of x past the row's end are zero.
    pub blocks: usize,
    /// True if `scales` also has a bias `[OUT]`, which is added to the product.
    pub bias: bool,
}

/// Kernel that computes y = x w^T by `method` and then applies `store`.
///
/// Buffers: `x` [.., 32 BLOCKS] f32, `quants` and `scales` of w, `y` [T, Y_STRIDE] f32, and for [`Store::Qkv`]
/// `angles` [S, D/2] of cosine and sine, `cache` ([`Kv`]) and `step` ([`step`](crate::step)). Parameters:
/// [`LinearParams`].
pub const fn linear(method: MatmulKernel, matrix: MatrixLayout, store: Store) -> Kernel {
    let MatrixLayout {
        format,
        blocks,
        bias,
    } = matrix;
    let [values, scales] = format.sources();
    // A tile uses a block for many rows, so it dequantises the block once instead.
    let by_row = include_str!("../wgsl/linear/dot.wgsl");
    let (dot, reduce, main, workgroup_size) = match method {
        MatmulKernel::Tile => (
            TILE_WEIGHTS,
            "",
            include_str!("../wgsl/linear/tile.wgsl"),
            [8, 4, 1],
        ),
        MatmulKernel::Row(Variant::Lanes) => (
            by_row,
            "",
            include_str!("../wgsl/linear/lanes.wgsl"),
            [16, 1, 1],
        ),
        MatmulKernel::Row(variant) => (
            by_row,
            variant.gather(),
            include_str!("../wgsl/linear/workgroups.wgsl"),
            [64, 1, 1],
        ),
    };
    let plain = include_str!("../wgsl/linear/store/plain.wgsl");
    let qkv = include_str!("../wgsl/linear/store/qkv.wgsl");
    let swiglu = include_str!("../wgsl/linear/store/swiglu.wgsl");
    let shape = [("BLOCKS", blocks), ("WITH_BIAS", bias as usize)];
    let (cache, stored, reference, constants) = match store {
        Store::Plain { add } => {
            let constants = constants([shape[0], shape[1], ("ADD", add as usize)]);
            ([""; 3], plain, "linear", constants)
        }
        Store::Qkv(kv, heads) => {
            let [h, k, d] = heads.constants();
            let constants = constants([shape[0], shape[1], h, k, d]);
            ([kv.source(), STEP, KV_BLOCKS], qkv, "rope", constants)
        }
        Store::Swiglu => ([""; 3], swiglu, "swiglu", constants(shape)),
    };
    let [pair, step, kv_blocks] = cache;
    Kernel {
        name: [method.name(), format.name(), store.name()],
        parts: parts([
            BLOCK_SOURCE,
            values,
            scales,
            include_str!("../wgsl/linear/product.wgsl"),
            pair,
            step,
            kv_blocks,
            stored,
            dot,
            reduce,
            main,
        ]),
        constants,
        params: LinearParams::LAYOUT,
        workgroup_size,
        subgroups: match method {
            MatmulKernel::Row(variant) => variant.subgroups(),
            MatmulKernel::Tile => false,
        },
        reference,
    }
}
