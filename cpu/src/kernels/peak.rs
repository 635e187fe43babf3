//! Kernels that reach the peak rates of the memory and of the arithmetic units.
//!
//! Their sums come from memory or go there at the end. If a function reduced them itself, the compiler would keep each
//! lane in a register of its own.

use crate::matrix::{GROUP, RowWords};
use crate::vector::{Vector, add, lanes, mul_add, unrolled};

/// Number of groups of sums in [`multiply_adds`]. With tiles of 8 on 32 registers, and of 4 on 16, its sums hide the
/// latency of a multiply-add and still fit.
const GROUPS: usize = 3;
/// Maximum number of sums of [`multiply_adds`]: 16 lanes, and tiles of 8.
pub const MAX_SUMS: usize = GROUPS * 8 * 16;

/// Returns the number of sums of [`multiply_adds`], for N lanes and groups of T vectors.
pub const fn sums(lanes: usize, tile: usize) -> usize {
    GROUPS * tile * lanes
}

/// Adds all of `words` up as f32 values, lane by lane, in two sums: one of those with an even index, and one of the
/// others. Sums of integers would be as good, but the compiler rearranges them into something slow.
///
/// N lanes are added at once, V vectors are a row.
#[inline(always)]
pub fn read<const N: usize, const V: usize>(words: &[RowWords], sums: &mut [[f32; GROUP]; 2]) {
    let (mut even, mut odd) = ([[0.0; N]; V], [[0.0; N]; V]);
    let (pairs, rest) = words.as_chunks::<2>();
    for [first, second] in pairs {
        unrolled!(v < V => {
            even[v] = added(even[v], first, v * N);
            odd[v] = added(odd[v], second, v * N);
        });
    }
    for last in rest {
        unrolled!(v < V => { even[v] = added(even[v], last, v * N); });
    }
    unrolled!(v < V => {
        sums[0][v * N..][..N].copy_from_slice(&even[v]);
        sums[1][v * N..][..N].copy_from_slice(&odd[v]);
    });
}

#[inline(always)]
fn added<const N: usize>(sums: Vector<N>, words: &RowWords, from: usize) -> Vector<N> {
    add(sums, lanes(|i| f32::from_bits(words.0[from + i])))
}

/// Replaces each of `sums` by sum * factor + summand, `rounds` times, all in registers: 3 groups of T vectors of N
/// lanes. The rest of `sums` is left alone.
#[inline(always)]
pub fn multiply_adds<const N: usize, const FMA: bool, const T: usize>(
    rounds: usize,
    [factor, summand]: [f32; 2],
    sums: &mut [f32; MAX_SUMS],
) {
    let (factor, summand) = ([factor; N], [summand; N]);
    let groups = sums.as_chunks_mut::<N>().0.as_chunks_mut::<T>().0;
    let [first, second, third, ..] = groups else {
        return;
    };
    let (mut a, mut b, mut c) = (*first, *second, *third);
    for _ in 0..rounds {
        unrolled!(t < T => { a[t] = mul_add::<FMA, N>(a[t], factor, summand); });
        unrolled!(t < T => { b[t] = mul_add::<FMA, N>(b[t], factor, summand); });
        unrolled!(t < T => { c[t] = mul_add::<FMA, N>(c[t], factor, summand); });
    }
    (*first, *second, *third) = (a, b, c);
}
