//! Kernels that reach the peak rates of the memory and of the arithmetic units.

use crate::matrix::{GROUP, RowWords};
use crate::vector::{Vector, Words, lanes, mul_add, unrolled};

/// Number of groups of sums in [`multiply_adds`]. With tiles of 8 on 32 registers, and of 4 on 16, its sums hide the
/// latency of a multiply-add and still fit.
const SUMS: usize = 3;

/// Returns the number of operations per round of [`multiply_adds`], for N lanes and T sums per group.
pub const fn flop_per_round(lanes: usize, tile: usize) -> usize {
    2 * SUMS * tile * lanes
}

/// Returns the sum of `words`, which reads all of them.
///
/// N lanes are added at once, V of them are a row.
#[inline(always)]
pub fn read<const N: usize, const V: usize>(words: &[RowWords]) -> u32 {
    let (mut even, mut odd) = ([[0; N]; V], [[0; N]; V]);
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
    let all = even.as_flattened().iter().chain(odd.as_flattened());
    all.fold(0, |sum, word| sum.wrapping_add(*word))
}

#[inline(always)]
fn added<const N: usize>(sums: Words<N>, words: &RowWords, from: usize) -> Words<N> {
    debug_assert!(from + N <= GROUP);
    lanes(|i| sums[i].wrapping_add(words.0[from + i]))
}

/// Replaces each of 3 T sums of N lanes by sum * factor + summand, `rounds` times, all in registers. Returns the sum
/// of all lanes.
#[inline(always)]
pub fn multiply_adds<const N: usize, const FMA: bool, const T: usize>(
    rounds: usize,
    [factor, summand]: [f32; 2],
) -> f32 {
    let (factor, summand) = ([factor; N], [summand; N]);
    // Every sum starts from another value: of equal ones, the compiler would compute only one.
    let start = |group: usize| -> [Vector<N>; T] { lanes_of(|t| [(group * T + t) as f32; N]) };
    let (mut a, mut b, mut c) = (start(0), start(1), start(2));
    for _ in 0..rounds {
        unrolled!(t < T => { a[t] = mul_add::<FMA, N>(a[t], factor, summand); });
        unrolled!(t < T => { b[t] = mul_add::<FMA, N>(b[t], factor, summand); });
        unrolled!(t < T => { c[t] = mul_add::<FMA, N>(c[t], factor, summand); });
    }
    let all = [a, b, c];
    all.as_flattened().as_flattened().iter().sum()
}

#[inline(always)]
fn lanes_of<const N: usize, const T: usize>(f: impl Fn(usize) -> Vector<N>) -> [Vector<N>; T] {
    let mut out = [[0.0; N]; T];
    unrolled!(t < T => { out[t] = f(t); });
    out
}
