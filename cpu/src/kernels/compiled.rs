//! Compiles the kernels for each instruction set of the target.

use llamaglass_types::InstructionSet;

use super::Compiled;

/// Compiles all kernels in a module `$module`: with the target features `$features`, vectors of `$n` lanes, and
/// fused multiply-adds if `$fma`. `$large` is the number of rows of the largest tile: 8 with 32 registers, 4 with
/// 16.
macro_rules! compile {
    ($module:ident, $set:ident, [$($features:literal)?], $n:literal, $fma:literal, $large:literal) => {
        mod $module {
            use llamaglass_shaders::Format;

            use super::super::attention::{Attention, attention};
            use super::super::peak::MAX_SUMS;
            use super::super::weights::{self as w, Weights};
            use super::super::{Compiled, linear, peak, swiglu};
            use crate::activations::Activations;
            use crate::matrix::{GROUP, Matrix, RowWords};

            /// Number of lanes.
            const N: usize = $n;
            /// Vectors per group of 16 rows.
            const V: usize = GROUP / N;

            pub static KERNELS: Compiled = Compiled {
                instruction_set: super::InstructionSet::$set,
                largest_tile: $large,
                linear,
                swiglu,
                attention_f32,
                attention_f16,
                read,
                multiply_adds,
                sums: peak::sums(N, $large),
            };

            fn linear(matrix: &Matrix, group: usize, x: &Activations, y: &mut [[f32; GROUP]]) {
                match matrix.format {
                    Format::F32 => tiles::<w::F32>(matrix, group, x, y),
                    Format::F16 => tiles::<w::F16>(matrix, group, x, y),
                    Format::Bf16 => tiles::<w::Bf16>(matrix, group, x, y),
                    Format::Q8_0 => tiles::<w::Q8_0>(matrix, group, x, y),
                    Format::Q4_0 => tiles::<w::Q4_0>(matrix, group, x, y),
                    Format::Q4_1 => tiles::<w::Q4_1>(matrix, group, x, y),
                    Format::Q5_0 => tiles::<w::Q5_0>(matrix, group, x, y),
                    Format::Q5_1 => tiles::<w::Q5_1>(matrix, group, x, y),
                    Format::Q4K => tiles::<w::Q4K>(matrix, group, x, y),
                    Format::Q5K => tiles::<w::Q5K>(matrix, group, x, y),
                    Format::Q6K => tiles::<w::Q6K>(matrix, group, x, y),
                }
            }

            fn tiles<W: Weights>(
                matrix: &Matrix,
                group: usize,
                x: &Activations,
                y: &mut [[f32; GROUP]],
            ) {
                #[expect(
                    clippy::allow_attributes,
                    reason = "without features, the functions are safe"
                )]
                #[allow(unused_unsafe, reason = "as above")]
                // SAFETY: `KERNELS` is used only where the features were detected.
                unsafe {
                    match x.tile() {
                        1 => tiles_of::<1, V, V, W>(matrix, group, x, y),
                        4 => tiles_of::<4, 1, 4, W>(matrix, group, x, y),
                        _ => tiles_of::<$large, 1, $large, W>(matrix, group, x, y),
                    }
                }
            }

            $(#[target_feature(enable = $features)])?
            fn tiles_of<const T: usize, const VECTORS: usize, const SUMS: usize, W: Weights>(
                matrix: &Matrix,
                group: usize,
                x: &Activations,
                y: &mut [[f32; GROUP]],
            ) {
                let group = matrix.group(group);
                for (x, y) in x.iter::<T>().zip(y.as_chunks_mut::<T>().0) {
                    linear::linear::<N, $fma, VECTORS, T, SUMS, W>(group, x, y);
                }
            }

            $(#[target_feature(enable = $features)])?
            fn swiglu(gate: &mut [[f32; GROUP]], up: &[[f32; GROUP]]) {
                swiglu::swiglu::<N, $fma>(gate, up);
            }

            $(#[target_feature(enable = $features)])?
            fn attention_f32(input: Attention<'_, f32>) {
                attention::<N, $fma, 2, f32>(input);
            }

            $(#[target_feature(enable = $features)])?
            fn attention_f16(input: Attention<'_, u16>) {
                attention::<N, $fma, 2, u16>(input);
            }

            $(#[target_feature(enable = $features)])?
            fn read(words: &[RowWords], sums: &mut [[f32; GROUP]; 2]) {
                peak::read::<N, V>(words, sums);
            }

            $(#[target_feature(enable = $features)])?
            fn multiply_adds(rounds: usize, terms: [f32; 2], sums: &mut [f32; MAX_SUMS]) {
                peak::multiply_adds::<N, $fma, $large>(rounds, terms, sums);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
compile!(
    avx512,
    Avx512,
    ["avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"],
    16,
    true,
    8
);
#[cfg(target_arch = "x86_64")]
compile!(avx2, Avx2, ["avx2,fma,f16c"], 8, true, 4);
#[cfg(target_arch = "aarch64")]
compile!(neon, Neon, [], 4, true, 8);
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
compile!(simd128, Simd128, [], 4, false, 4);
#[cfg(not(any(
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
compile!(baseline, Baseline, [], 4, false, 4);

/// Kernels that every machine of this target can run.
pub static FALLBACK: &Compiled = {
    #[cfg(target_arch = "aarch64")]
    {
        &neon::KERNELS
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        &simd128::KERNELS
    }
    #[cfg(not(any(
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )))]
    {
        &baseline::KERNELS
    }
};

/// Kernels that this machine can run, the fastest first.
pub fn available() -> impl Iterator<Item = &'static Compiled> {
    detected().into_iter().flatten().chain([FALLBACK])
}

/// Kernels for instruction sets that not every machine of this target has, if this one does.
#[cfg(target_arch = "x86_64")]
fn detected() -> [Option<&'static Compiled>; 2] {
    use std::arch::is_x86_feature_detected as has;
    let avx2 = has!("avx2") && has!("fma") && has!("f16c");
    let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq");
    [
        (avx2 && avx512).then_some(&avx512::KERNELS),
        avx2.then_some(&avx2::KERNELS),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
const fn detected() -> [Option<&'static Compiled>; 0] {
    []
}
