//! WGSL kernels of Llamaglass: `.wgsl` files, a row a kernel in [`KERNELS`], and a CPU reference of
//! each in [`cpu`]. No device in sight: launching is the engine's.

pub mod cpu;

/// A kernel's source and what a launch must know of it.
///
/// Bindings are in group 0: the kernel's buffers in order, then `info`, an array of u32.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// What it is called; of kernels that compute the same, each has a name of its own.
    pub name: &'static str,
    /// WGSL; the entry point is `main`.
    pub source: &'static str,
    /// Invocations of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// The function of [`cpu`] that says what it computes.
    pub reference: &'static str,
}

/// Logits `[V]` to the id of the largest finite one: buffers `logits` `[V]` f32 and `picked` `[2]` u32
/// (id, whether there is one); info: V. One workgroup.
pub const ARGMAX: Kernel = Kernel {
    name: "argmax",
    source: include_str!("../wgsl/argmax.wgsl"),
    workgroup_size: [256, 1, 1],
    reference: "argmax",
};

/// Ids to rows of the embedding: buffers `step` [1 + T] u32 (position, ids), `embedding` [V, C],
/// `x` [T, C]; info: T, C. An invocation a value.
pub const EMBED: Kernel = Kernel {
    name: "embed",
    source: include_str!("../wgsl/embed.wgsl"),
    workgroup_size: [64, 1, 1],
    reference: "embed",
};

/// Buffers `x` [.., C], `weight` `[C]`, `y` [T, C]; info: C, the bits of eps, the row of `x` that is
/// row 0 of `y`. A workgroup a row.
pub const RMS_NORM: Kernel = Kernel {
    name: "rms_norm",
    source: include_str!("../wgsl/rms_norm.wgsl"),
    workgroup_size: [64, 1, 1],
    reference: "rms_norm",
};

/// Turns queries in place, keys into the cache, and puts values there: buffers `qkv`
/// [T, (H + 2 K) D], `cosines` and `sines` [S, D/2], `keys` and `values` [K, S, D], `step` [1 + T]
/// u32; info: T, H, K, D, S. An invocation a pair of values.
pub const ROPE: Kernel = Kernel {
    name: "rope",
    source: include_str!("../wgsl/rope.wgsl"),
    workgroup_size: [64, 1, 1],
    reference: "rope",
};

/// Causal attention over the cache: buffers `qkv` [T, (H + 2 K) D], `keys` and `values` [K, S, D],
/// `mixed` [T, H D], `step` [1 + T] u32; info: H, K, D, S. A workgroup a query head (x) and row (y);
/// D is at most [`ATTENTION_MAX_D`].
pub const ATTENTION: Kernel = Kernel {
    name: "attention",
    source: include_str!("../wgsl/attention.wgsl"),
    workgroup_size: [64, 1, 1],
    reference: "attention",
};

/// The widest head that [`ATTENTION`] takes.
pub const ATTENTION_MAX_D: usize = 256;

/// silu(gate) * up: buffers `gate_up` [T, 2 F], `y` [T, F]; info: T, F. An invocation a value.
pub const SWIGLU: Kernel = Kernel {
    name: "swiglu",
    source: include_str!("../wgsl/swiglu.wgsl"),
    workgroup_size: [256, 1, 1],
    reference: "swiglu",
};

/// A way of computing y = x w^T (+ bias) (+ y).
///
/// Buffers `x` [.., IN], `w` [OUT, IN], `bias` `[OUT]`, `y` [T, Y_STRIDE]; info: T, IN, OUT, flags
/// ([`WITH_BIAS`], [`ADD`]), the row of `x` that is row 0 of `y`, Y_STRIDE, and the column of `y`
/// that is row 0 of `w`.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// For an IN that is a multiple of 4.
    of_4: Kernel,
    /// For any.
    of_any: Kernel,
    /// Columns and rows of y that a workgroup computes.
    pub tile: [u32; 2],
}

impl Linear {
    /// The kernel for rows of `inputs` values.
    pub const fn kernel(&'static self, inputs: usize) -> &'static Kernel {
        if inputs.is_multiple_of(4) {
            &self.of_4
        } else {
            &self.of_any
        }
    }

    /// Workgroups for `rows` of `y` and `outputs` rows of `w`.
    pub const fn groups(&self, rows: usize, outputs: usize) -> [u32; 3] {
        [
            (outputs as u32).div_ceil(self.tile[0]),
            (rows as u32).div_ceil(self.tile[1]),
            1,
        ]
    }
}

/// Flag of a [`Linear`]: the bias is added.
pub const WITH_BIAS: u32 = 1;
/// Flag of a [`Linear`]: what `y` held is added.
pub const ADD: u32 = 2;

macro_rules! linear {
    ($name:literal, $file:literal, $size:expr, $tile:expr) => {
        Linear {
            of_4: Kernel {
                name: concat!($name, "_of_4"),
                source: concat!(
                    include_str!("../wgsl/linear/store.wgsl"),
                    include_str!("../wgsl/linear/rows_of_4.wgsl"),
                    include_str!($file)
                ),
                workgroup_size: $size,
                reference: "linear",
            },
            of_any: Kernel {
                name: concat!($name, "_of_any"),
                source: concat!(
                    include_str!("../wgsl/linear/store.wgsl"),
                    include_str!("../wgsl/linear/rows_of_any.wgsl"),
                    include_str!($file)
                ),
                workgroup_size: $size,
                reference: "linear",
            },
            tile: $tile,
        }
    };
}

/// Many rows: a prompt.
pub const LINEAR_TILE: Linear = linear!(
    "linear_tile",
    "../wgsl/linear/tile.wgsl",
    [8, 8, 1],
    [32, 32]
);
/// One row, for adapters that are programs on a CPU.
pub const LINEAR_LANE: Linear = linear!(
    "linear_lane",
    "../wgsl/linear/lane.wgsl",
    [32, 1, 1],
    [128, 1]
);
/// One row, for GPUs.
pub const LINEAR_WORKGROUP: Linear = linear!(
    "linear_workgroup",
    "../wgsl/linear/workgroup.wgsl",
    [64, 1, 1],
    [4, 1]
);

/// Every kernel there is.
pub const KERNELS: [Kernel; 12] = [
    ARGMAX,
    EMBED,
    RMS_NORM,
    ROPE,
    ATTENTION,
    SWIGLU,
    LINEAR_TILE.of_4,
    LINEAR_TILE.of_any,
    LINEAR_LANE.of_4,
    LINEAR_LANE.of_any,
    LINEAR_WORKGROUP.of_4,
    LINEAR_WORKGROUP.of_any,
];
