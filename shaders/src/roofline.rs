//! Kernels that measure a device's peak rates, as far as WGSL can reach them.

use crate::Kernel;

/// Number of floating-point operations per round of [`FMA`] in one invocation.
pub const FMA_FLOP_A_ROUND: usize = 8 * 4 * 2;

/// Copies memory. Buffers `x` and `y` of vec4; info: number of vec4. Any number of workgroups in x.
pub const COPY: Kernel = Kernel::one(
    "copy",
    include_str!("../wgsl/roofline/copy.wgsl"),
    [64, 1, 1],
    "copy",
);

/// Computes multiply-adds. Buffers `x` (factor, summand) and `y` (one value per invocation); info: rounds.
pub const FMA: Kernel = Kernel::one(
    "fma",
    include_str!("../wgsl/roofline/fma.wgsl"),
    [64, 1, 1],
    "fma",
);
