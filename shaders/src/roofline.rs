//! What a device can do at most, as far as WGSL gets it.

use crate::Kernel;

/// Floating-point operations of a round of [`FMA`] in one invocation.
pub const FMA_FLOP_A_ROUND: usize = 8 * 4 * 2;

/// A copy: buffers `x` and `y` of vec4; info: how many. Any number of workgroups in x.
pub const COPY: Kernel = Kernel::one(
    "copy",
    include_str!("../wgsl/roofline/copy.wgsl"),
    [64, 1, 1],
    "copy",
);

/// Multiply-adds: buffers `x` (factor, summand) and `y` (one an invocation); info: rounds.
pub const FMA: Kernel = Kernel::one(
    "fma",
    include_str!("../wgsl/roofline/fma.wgsl"),
    [64, 1, 1],
    "fma",
);
