//! WGSL kernels of Llamaglass, put together from the files of `wgsl/`, and a CPU reference of each in
//! [`cpu`]. No device in sight: launching is the engine's.

pub mod cpu;
mod format;
mod kernel;
mod linear;

pub use format::{BLOCK, Format};
pub use kernel::Kernel;
pub use linear::{ADD, Store, WITH_BIAS, Way, linear};

/// Logits `[V]` to the id of the largest finite one: buffers `logits` `[V]` f32 and `picked` `[2]` u32
/// (id, whether there is one); info: V. One workgroup.
pub const ARGMAX: Kernel = Kernel::one(
    "argmax",
    include_str!("../wgsl/argmax.wgsl"),
    [256, 1, 1],
    "argmax",
);

/// Buffers `x` [.., C], `weight` `[C]`, `y` [T, Y_STRIDE]; info: C, the bits of eps, the row of `x` that
/// is row 0 of `y`, Y_STRIDE. A workgroup a row.
pub const RMS_NORM: Kernel = Kernel::one(
    "rms_norm",
    include_str!("../wgsl/rms_norm.wgsl"),
    [64, 1, 1],
    "rms_norm",
);

/// Causal attention over the cache: buffers `queries` [T, H D], `cache` [2, K, S, D] (keys, values),
/// `mixed` [T, STRIDE], `step` [1 + T] u32 (position, ids); info: H, K, D, S, STRIDE. A workgroup a
/// query head (x) and row (y); D is at most [`ATTENTION_MAX_D`].
pub const ATTENTION: Kernel = Kernel::one(
    "attention",
    include_str!("../wgsl/attention.wgsl"),
    [64, 1, 1],
    "attention",
);

/// The same for a prompt's rows; info: H, K, D, S, STRIDE, T. A workgroup a query head (x) and
/// [`ATTENTION_TILE_ROWS`] rows (y).
pub const ATTENTION_TILE: Kernel = Kernel::one(
    "attention_tile",
    include_str!("../wgsl/attention_tile.wgsl"),
    [16, 4, 1],
    "attention",
);

/// Rows that a workgroup of [`ATTENTION_TILE`] takes.
pub const ATTENTION_TILE_ROWS: usize = 16;

/// The widest head that [`ATTENTION`] and [`ATTENTION_TILE`] take.
pub const ATTENTION_MAX_D: usize = 256;

/// Ids to rows of an embedding in `format`: buffers `step` [1 + T] u32 (position, ids), the embedding's
/// `quants` and `side`, `x` [T, C]; info: T, C, blocks a row. An invocation a block.
pub const fn embed(format: Format) -> Kernel {
    let [values, scales] = format.sources();
    Kernel {
        name: ["embed", format.name(), ""],
        parts: [
            format::BLOCK_SOURCE,
            values,
            scales,
            include_str!("../wgsl/embed.wgsl"),
            "",
            "",
            "",
        ],
        workgroup_size: [64, 1, 1],
        reference: "embed",
    }
}

/// Every kernel there is.
pub fn kernels() -> Vec<Kernel> {
    let mut all = vec![ARGMAX, RMS_NORM, ATTENTION, ATTENTION_TILE];
    for format in Format::ALL {
        all.push(embed(format));
        for way in Way::ALL {
            all.extend(Store::ALL.map(|store| linear(way, format, store)));
        }
    }
    all
}
