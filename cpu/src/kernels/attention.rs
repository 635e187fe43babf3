//! Attention of one row's query heads that share a key and value head (arXiv:2305.13245), over cache blocks.

use llamaglass_shaders::KV_BLOCK;

use crate::cache::{KvValue, value_stride};
use crate::vector::{Vector, add, exp, lanes, max, mul_add, sum, unrolled};

/// Heads that are computed at once, at most: each vector of keys or values that is read serves all of them.
const HEADS: usize = 4;
/// Vectors of values that are accumulated at once.
const VALUE_VECTORS: usize = 2;

/// Input and output of [`attention`].
#[derive(Debug)]
pub struct Attention<'a, C> {
    /// Queries [G, D], already scaled by 1 / sqrt(D).
    pub queries: &'a [f32],
    /// Keys of the head [blocks, D, 64].
    pub keys: &'a [C],
    /// Values of the head [blocks, 64, D'], with D' values per position ([`value_stride`]).
    pub values: &'a [C],
    /// Cache blocks of the sequence, in order.
    pub table: &'a [u32],
    /// Number of positions to attend to.
    pub len: usize,
    /// D: size of a head.
    pub dim: usize,
    /// Scores [G, S], where S is `len` rounded up to whole blocks; working memory.
    pub scores: &'a mut [f32],
    /// Output [G, D'].
    pub out: &'a mut [f32],
}

/// Computes softmax(q k^T) v for each query. N lanes are computed at once, and V vectors of scores.
#[inline(always)]
pub fn attention<const N: usize, const FMA: bool, const V: usize, C: KvValue>(
    input: Attention<'_, C>,
) {
    let Attention {
        queries,
        keys,
        values,
        table,
        len,
        dim,
        scores,
        out,
    } = input;
    let stride = len.next_multiple_of(KV_BLOCK);
    let heads = queries.len() / dim;
    let mut head = 0;
    while head < heads {
        let count = (heads - head).min(HEADS);
        let queries = &queries[head * dim..(head + count) * dim];
        let scores = &mut scores[head * stride..(head + count) * stride];
        match count {
            1 => score::<N, FMA, V, 1, C>(queries, keys, table, dim, scores),
            2 => score::<N, FMA, V, 2, C>(queries, keys, table, dim, scores),
            3 => score::<N, FMA, V, 3, C>(queries, keys, table, dim, scores),
            _ => score::<N, FMA, V, 4, C>(queries, keys, table, dim, scores),
        }
        for scores in scores.chunks_exact_mut(stride) {
            softmax::<N, FMA>(scores, len);
        }
        let width = value_stride(dim);
        let out = &mut out[head * width..(head + count) * width];
        match count {
            1 => weigh::<N, FMA, 1, C>(scores, values, table, len, out),
            2 => weigh::<N, FMA, 2, C>(scores, values, table, len, out),
            3 => weigh::<N, FMA, 3, C>(scores, values, table, len, out),
            _ => weigh::<N, FMA, 4, C>(scores, values, table, len, out),
        }
        head += count;
    }
}

/// Computes the products of Q queries with all keys of the blocks.
#[inline(always)]
fn score<const N: usize, const FMA: bool, const V: usize, const Q: usize, C: KvValue>(
    queries: &[f32],
    keys: &[C],
    table: &[u32],
    dim: usize,
    scores: &mut [f32],
) {
    let stride = scores.len() / Q;
    for (index, block) in table[..stride / KV_BLOCK].iter().enumerate() {
        let keys = &keys[*block as usize * dim * KV_BLOCK..][..dim * KV_BLOCK];
        let mut first = 0;
        while first < KV_BLOCK {
            let mut sums = [[[0.0; N]; V]; Q];
            for (i, keys) in keys.as_chunks::<KV_BLOCK>().0.iter().enumerate() {
                unrolled!(v < V => {
                    let key: Vector<N> = C::load(&keys[first + v * N..][..N]);
                    unrolled!(q < Q => {
                        let query = queries[q * dim + i];
                        sums[q][v] = mul_add::<FMA, N>(key, [query; N], sums[q][v]);
                    });
                });
            }
            unrolled!(q < Q => {
                let at = q * stride + index * KV_BLOCK + first;
                unrolled!(v < V => {
                    scores[at + v * N..at + (v + 1) * N].copy_from_slice(&sums[q][v]);
                });
            });
            first += N * V;
        }
    }
}

/// Weights below this are zero. They would not change a sum of f32, and as subnormal numbers they would slow some
/// processors down.
const NEGLIGIBLE: f32 = 1e-30;

/// Replaces the first `len` scores by their softmax, and those behind by zero.
#[inline(always)]
fn softmax<const N: usize, const FMA: bool>(scores: &mut [f32], len: usize) {
    scores[len..].fill(f32::NEG_INFINITY);
    let mut largest = [f32::NEG_INFINITY; N];
    for scores in scores.as_chunks::<N>().0 {
        largest = max(*scores, largest);
    }
    let largest = largest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = [0.0; N];
    for (index, scores) in scores.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        let weights = exp::<FMA, N>(lanes(|i| scores[i] - largest));
        let seen = len.saturating_sub(index * N);
        *scores = lanes(|i| {
            if i >= seen || weights[i] < NEGLIGIBLE {
                0.0
            } else {
                weights[i]
            }
        });
        total = add(total, *scores);
    }
    let inverse = sum(total).recip();
    scores.iter_mut().for_each(|score| *score *= inverse);
}

/// Adds up the values, weighted by the scores of Q queries.
#[inline(always)]
fn weigh<const N: usize, const FMA: bool, const Q: usize, C: KvValue>(
    scores: &[f32],
    values: &[C],
    table: &[u32],
    len: usize,
    out: &mut [f32],
) {
    let (stride, width) = (scores.len() / Q, out.len() / Q);
    let block_len = KV_BLOCK * width;
    let mut first = 0;
    while first < width {
        // The width is a multiple of 16, so the last vectors of a narrow set may be beyond it.
        let count = ((width - first) / N).min(VALUE_VECTORS);
        let mut sums = [[[0.0; N]; VALUE_VECTORS]; Q];
        for (index, block) in table[..len.div_ceil(KV_BLOCK)].iter().enumerate() {
            let seen = (len - index * KV_BLOCK).min(KV_BLOCK);
            let values = &values[*block as usize * block_len..][..seen * width];
            for (p, values) in values.chunks_exact(width).enumerate() {
                unrolled!(v < VALUE_VECTORS => {
                    if v < count {
                        let value: Vector<N> = C::load(&values[first + v * N..][..N]);
                        unrolled!(q < Q => {
                            let weight = scores[q * stride + index * KV_BLOCK + p];
                            sums[q][v] = mul_add::<FMA, N>(value, [weight; N], sums[q][v]);
                        });
                    }
                });
            }
        }
        unrolled!(q < Q => {
            unrolled!(v < VALUE_VECTORS => {
                if v < count {
                    out[q * width + first + v * N..][..N].copy_from_slice(&sums[q][v]);
                }
            });
        });
        first += count * N;
    }
}
