//! Product of a tile of rows with a group of 16 rows of a matrix.

use llamaglass_shaders::BLOCK;

use super::weights::{NUMBERS, Place, STEPS, Scales, Weights};
use crate::activations::Tile;
use crate::matrix::{GROUP, Group};
use crate::vector::{Vector, add, mul_add, unrolled};

/// Returns y [T, 16] = x w^T for a tile of T rows and a group of 16 rows of a matrix.
///
/// N lanes are computed at once, V vectors of them, so that P = T V sums are alive. Each element of y is the same
/// for all T, N and V, because its terms are added in the same order: within a block in two chains, one per half,
/// then block by block.
#[inline(always)]
pub fn linear<
    const N: usize,
    const FMA: bool,
    const V: usize,
    const T: usize,
    const P: usize,
    W: Weights,
>(
    group: Group<'_>,
    x: Tile<'_, T>,
    y: &mut [[f32; GROUP]; T],
) {
    let mut first = 0;
    while first < GROUP {
        let sums = lanes_from::<N, FMA, V, T, P, W>(group, x, first);
        unrolled!(p < P => {
            let from = first + p % V * N;
            y[p / V][from..from + N].copy_from_slice(&sums[p]);
        });
        first += V * N;
    }
}

/// Computes V vectors of lanes, from lane `first` on; the sum of row t and vector v has the index t V + v.
#[inline(always)]
fn lanes_from<
    const N: usize,
    const FMA: bool,
    const V: usize,
    const T: usize,
    const P: usize,
    W: Weights,
>(
    group: Group<'_>,
    x: Tile<'_, T>,
    first: usize,
) -> [Vector<N>; P] {
    let mut total = [[0.0; N]; P];
    let words = group.quants.chunks_exact(W::WORDS);
    for (block, ((words, x), sums)) in words.zip(x.columns).zip(x.sums).enumerate() {
        let mut scales = [Scales::<N>::NONE; V];
        unrolled!(v < V => { scales[v] = W::scales(group.scales, block, first + v * N); });
        // The sum of each half: offset * x of every term, then number * x.
        let (mut low, mut high) = ([[0.0; N]; P], [[0.0; N]; P]);
        if W::OFFSET != 0.0 {
            unrolled!(p < P => {
                low[p] = [W::OFFSET * sums[0][p / V]; N];
                high[p] = [W::OFFSET * sums[1][p / V]; N];
            });
        }
        for step in 0..STEPS {
            macro_rules! numbers {
                ($($index:literal)*) => {$(
                    let place = Place { step, index: $index, half: 0 };
                    let column = &x[NUMBERS * step + $index];
                    unrolled!(v < V => {
                        let number: Vector<N> =
                            W::number(words, scales[v].upper[0], first + v * N, place);
                        unrolled!(t < T => {
                            let p = t * V + v;
                            low[p] = mul_add::<FMA, N>(number, [column[t]; N], low[p]);
                        });
                    });
                    let place = Place { step, index: $index, half: 1 };
                    let column = &x[BLOCK / 2 + NUMBERS * step + $index];
                    unrolled!(v < V => {
                        let number: Vector<N> =
                            W::number(words, scales[v].upper[1], first + v * N, place);
                        unrolled!(t < T => {
                            let p = t * V + v;
                            high[p] = mul_add::<FMA, N>(number, [column[t]; N], high[p]);
                        });
                    });
                )*};
            }
            numbers!(0 1 2 3);
            unrolled!(v < V => { scales[v].upper = W::next(scales[v].upper); });
        }
        unrolled!(p < P => {
            let scales = &scales[p % V];
            if W::HALF_SCALES {
                total[p] = mul_add::<FMA, N>(scales.scale[0], low[p], total[p]);
                total[p] = mul_add::<FMA, N>(scales.scale[1], high[p], total[p]);
            } else {
                total[p] = mul_add::<FMA, N>(scales.scale[0], add(low[p], high[p]), total[p]);
            }
            if let Some(min) = scales.min {
                let sum = sums[0][p / V] + sums[1][p / V];
                total[p] = mul_add::<FMA, N>(min, [sum; N], total[p]);
            }
        });
    }
    total
}
