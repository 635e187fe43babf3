//! Kernels that measure a device's peak rates, as far as WGSL can reach them.

use crate::Kernel;
use crate::params::{CopyParams, FmaParams};

/// Number of floating-point operations per round of [`FMA`] in one invocation.
pub const FMA_FLOPS_PER_ROUND: usize = 8 * 4 * 2;

/// Copies memory. Buffers `x` and `y` of vec4; [`CopyParams`]. Any number of workgroups in x.
pub const COPY: Kernel = Kernel::new::<CopyParams, 1>(
    "copy",
    [include_str!("../wgsl/roofline/copy.wgsl")],
    [64, 1, 1],
);

/// Computes multiply-adds. Buffers `x` (factor, summand) and `y` (one value per invocation); [`FmaParams`].
pub const FMA: Kernel = Kernel::new::<FmaParams, 1>(
    "fma",
    [include_str!("../wgsl/roofline/fma.wgsl")],
    [64, 1, 1],
);
