//! Kernels of every instruction set that this machine has, against the CPU references of the shaders.

use half::f16;
use llamaglass_shaders::cpu::{self, Cache};
use llamaglass_shaders::{Format, Heads, KV_BLOCK};

use super::{Attention, Kernels, MAX_SUMS, half_block};
use crate::activations::{Activations, write_row};
use crate::cache::{KvValue, LayerCache, value_stride, write_position};
use crate::matrix::{GROUP, Matrix, RowOrder, RowWords};
use crate::pool::Pool;
use crate::testing::{Random, halves, values};

fn activations(x: &[f32], columns: usize, tile: usize) -> Activations {
    let rows = x.len() / columns;
    let mut to = Activations::new(rows, columns);
    to.resize(rows, columns, tile);
    let len = to.tile_len();
    for (index, to) in to.tiles_mut().chunks_exact_mut(len).enumerate() {
        for i in 0..tile {
            let row = x.chunks_exact(columns).nth(index * tile + i);
            write_row(to, tile, i, row.unwrap_or(&vec![0.0; columns]));
        }
    }
    to
}

/// Returns y [T, OUT].
fn product(kernels: Kernels, matrix: &Matrix, x: &Activations) -> Vec<f32> {
    let mut y = vec![0.0; x.rows() * matrix.rows];
    for group in 0..matrix.groups() {
        let mut columns = vec![[9.0; GROUP]; x.padded_rows()];
        kernels.linear(matrix, group, x, &mut columns);
        for (row, columns) in columns.iter().enumerate().take(x.rows()) {
            for (lane, value) in columns.iter().enumerate() {
                let column = group * GROUP + lane;
                if column < matrix.rows {
                    y[row * matrix.rows + column] = *value;
                } else {
                    assert_eq!(*value, 0.0, "row beyond the matrix");
                }
            }
        }
    }
    y
}

#[test]
fn products_equal_the_reference_for_all_formats_sets_and_tiles() {
    let mut random = Random(1);
    let pool = Pool::new(2);
    for format in Format::ALL {
        // An odd number of blocks if the format allows it, and a group that is not full.
        let (rows, columns) = (37, 3 * format.stored_block().0.max(32));
        let stored = random.stored(format, rows, columns);
        let matrix =
            Matrix::pack(format, columns, &stored, RowOrder::Stored, &pool).expect("whole rows");
        let weights = values(format, columns, &stored);
        let x = random.values(9 * columns);
        let wanted = cpu::linear(&x, &weights, &[], columns);
        for kernels in Kernels::all() {
            let set = kernels.instruction_set();
            let mut all = Vec::new();
            for tile in [1, 4, kernels.largest_tile()] {
                let got = product(kernels, &matrix, &activations(&x, columns, tile));
                for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                    let error = (got - wanted).abs();
                    let scale = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
                    assert!(
                        error <= 1e-6 * scale * columns as f32,
                        "{set:?} {format:?} tile {tile}, {i}: {got}, not {wanted}"
                    );
                }
                all.push(got.iter().map(|y| y.to_bits()).collect::<Vec<_>>());
            }
            assert!(
                all.iter().all(|y| *y == all[0]),
                "{set:?} {format:?}: tiles differ"
            );
        }
    }
}

#[test]
fn half_block_returns_the_values_of_a_row() {
    let mut random = Random(2);
    let pool = Pool::new(1);
    for format in Format::ALL {
        let columns = 3 * format.stored_block().0.max(32);
        let stored = random.stored(format, 20, columns);
        let matrix =
            Matrix::pack(format, columns, &stored, RowOrder::Stored, &pool).expect("whole rows");
        let wanted = values(format, columns, &stored);
        for row in [0, 15, 16, 19] {
            for index in 0..columns / GROUP {
                let wanted = &wanted[row * columns + index * GROUP..][..GROUP];
                for (got, wanted) in half_block(&matrix, row, index).iter().zip(wanted) {
                    let close = (got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-2);
                    assert!(close, "{format:?}: {got}, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn swiglu_equals_the_reference() {
    let mut random = Random(3);
    let [gate, up] = [10.0, 1.0].map(|scale| {
        let mut values = random.values(3 * GROUP);
        values.iter_mut().for_each(|value| *value *= scale);
        values
    });
    let pairs: Vec<f32> = gate.iter().zip(&up).flat_map(|(g, u)| [*g, *u]).collect();
    let wanted = cpu::swiglu(&pairs);
    for kernels in Kernels::all() {
        let mut got = gate.as_chunks::<GROUP>().0.to_vec();
        kernels.swiglu(&mut got, up.as_chunks::<GROUP>().0);
        for (got, wanted) in got.as_flattened().iter().zip(&wanted) {
            let close = (got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3);
            assert!(close, "{kernels:?}: {got}, not {wanted}");
        }
    }
}

#[test]
fn read_sums_words_of_even_and_odd_indices() {
    for count in [0, 1, 2, 7] {
        let words: Vec<RowWords> = (0..count)
            .map(|row| {
                RowWords(std::array::from_fn(|lane| {
                    ((100 * row + lane) as f32).to_bits()
                }))
            })
            .collect();
        let mut wanted = [[0.0; GROUP]; 2];
        for (row, words) in words.iter().enumerate() {
            for (sum, word) in wanted[row % 2].iter_mut().zip(words.0) {
                *sum += f32::from_bits(word);
            }
        }
        for kernels in Kernels::all() {
            let mut sums = [[9.0; GROUP]; 2];
            kernels.read(&words, &mut sums);
            assert_eq!(sums, wanted, "{kernels:?}, {count}");
        }
    }
}

#[test]
fn multiply_adds_compute_every_sum_in_every_round() {
    for kernels in Kernels::all() {
        let count = kernels.sums();
        assert!(count.is_multiple_of(3 * kernels.largest_tile()) && count <= MAX_SUMS);
        for (rounds, of) in [(0, 1.0), (1, 0.5), (2, 0.25)] {
            let start = |i: usize| i as f32;
            let mut sums = std::array::from_fn(start);
            kernels.multiply_adds(rounds, [0.5, 1.0], &mut sums);
            for (i, got) in sums.into_iter().enumerate() {
                // Two rounds give 0.25 start + 1.5; the other values are not sums.
                let wanted = match i < count {
                    true => start(i) * of + (2.0 - 2.0 * of),
                    false => start(i),
                };
                assert_eq!(got, wanted, "{kernels:?}, {rounds} rounds, {i}");
            }
        }
    }
}

/// Compares attention over a cache of `C` with the reference over an f32 cache of the same rounded values.
fn compare_attention<C: KvValue>(
    tolerance: f32,
    attend: impl Fn(Kernels, Attention<'_, C>),
    value_of: impl Fn(f32) -> f32,
) {
    let mut random = Random(4);
    for (shared, dim, len) in [(1, 8, 1), (3, 64, 130), (5, 20, 64), (8, 128, 65)] {
        let heads = Heads {
            queries: shared,
            kv: 1,
            dim,
        };
        // Blocks of the sequence in another order than in memory.
        let table: Vec<u32> = (0..3).map(|block| 3 - block).collect();
        let mut cache = LayerCache::<C>::new(1, dim, 4);
        let mut wanted = Cache::new(heads, len);
        let key_len = cache.key_len();
        let (keys, values) = cache.heads_mut().split_at_mut(key_len);
        for position in 0..len {
            let [key, value] = [0; 2].map(|_| random.values(dim));
            let place = (table[position / KV_BLOCK] as usize, position % KV_BLOCK);
            write_position((&mut *keys, &mut *values), place, &key, &value);
            let rounded = |values: Vec<f32>| values.into_iter().map(&value_of).collect::<Vec<_>>();
            wanted.keys[position * dim..][..dim].copy_from_slice(&rounded(key));
            wanted.values[position * dim..][..dim].copy_from_slice(&rounded(value));
        }
        let queries = random.values(shared * dim);
        let wanted = cpu::attention(&queries, heads, len - 1, &wanted);
        let scaled: Vec<f32> = queries.iter().map(|q| q / (dim as f32).sqrt()).collect();
        for kernels in Kernels::all() {
            let width = value_stride(dim);
            let mut out = vec![9.0; shared * width];
            let (keys, values) = cache.head(0);
            attend(
                kernels,
                Attention {
                    queries: &scaled,
                    keys,
                    values,
                    table: &table,
                    len,
                    dim,
                    scores: &mut vec![0.0; shared * len.next_multiple_of(KV_BLOCK)],
                    out: &mut out,
                },
            );
            for (head, wanted) in wanted.chunks_exact(dim).enumerate() {
                for (got, wanted) in out[head * width..][..dim].iter().zip(wanted) {
                    let close = (got - wanted).abs() <= tolerance;
                    assert!(close, "{kernels:?} {heads:?} {len}: {got}, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn attention_equals_the_reference() {
    compare_attention::<f32>(2e-6, Kernels::attention_f32, |value| value);
    compare_attention::<u16>(2e-6, Kernels::attention_f16, |value| {
        f16::from_f32(value).to_f32()
    });
}

/// Halves that a file may have as scales.
const SPECIAL_HALVES: [f16; 7] = [
    f16::NAN,
    f16::INFINITY,
    f16::NEG_INFINITY,
    f16::MAX,
    f16::MAX_SUBNORMAL,
    f16::MIN_POSITIVE_SUBNORMAL,
    f16::NEG_ZERO,
];

#[test]
fn special_scales_stay_in_their_row() {
    const ROW: usize = 21;
    let mut random = Random(8);
    let pool = Pool::new(1);
    for format in Format::ALL {
        let (rows, columns) = (37, 2 * format.stored_block().0.max(32));
        let stored = random.weights(format, rows, columns, 1.0);
        let row_bytes = stored.len() / rows;
        let pack = |stored: &[u8]| {
            Matrix::pack(format, columns, stored, RowOrder::Stored, &pool).expect("whole rows")
        };
        let matrix = pack(&stored);
        let x = random.values(5 * columns);
        // A float starts at byte 0, and the sign and exponent of an f32 are in its upper half.
        let mut places: Vec<usize> = halves(format).iter().map(|(at, _)| *at).collect();
        if places.is_empty() {
            places.push(format.stored_block().1 - 2);
        }
        for (at, half) in places
            .iter()
            .flat_map(|at| SPECIAL_HALVES.map(|half| (at, half)))
        {
            let bytes = match format {
                Format::F32 | Format::Bf16 => half::bf16::from_f32(half.to_f32()).to_le_bytes(),
                _ => half.to_le_bytes(),
            };
            let mut special = stored.clone();
            special[ROW * row_bytes + at..][..2].copy_from_slice(&bytes);
            let changed = pack(&special);
            let wanted = cpu::linear(&x, &values(format, columns, &special), &[], columns);
            for (kernels, tile) in Kernels::all().flat_map(|set| [1, 4].map(|tile| (set, tile))) {
                let x = activations(&x, columns, tile);
                let before = product(kernels, &matrix, &x);
                let after = product(kernels, &changed, &x);
                for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                    let case = format!("{kernels:?} {format:?} tile {tile}, {half} at {at}, {i}");
                    if i % rows != ROW {
                        assert_eq!(before.to_bits(), after.to_bits(), "{case}");
                    } else if half.is_finite() {
                        let error = (after - wanted[i]).abs();
                        let largest = wanted[i].abs().max(half.to_f32().abs()).max(1.0);
                        assert!(
                            error <= 1e-4 * largest,
                            "{case}: {after}, not {}",
                            wanted[i]
                        );
                    } else {
                        assert!(!after.is_finite(), "{case}: {after}");
                    }
                }
            }
        }
    }
}

/// Compares attention over a cache whose unused positions are `stale` with one where they are zero.
fn compare_stale<C: KvValue>(stale: f32, attend: impl Fn(Kernels, Attention<'_, C>)) {
    let (shared, dim, blocks) = (5, 20, 3);
    for len in [1, 63, 64, 65, 130] {
        let mut random = Random(9);
        let queries = random.values(shared * dim);
        let mut caches = [0; 2].map(|_| LayerCache::<C>::new(1, dim, blocks));
        for position in 0..blocks * KV_BLOCK {
            let [key, value] = [0; 2].map(|_| random.values(dim));
            for (cache, stale) in caches.iter_mut().zip([0.0, stale]) {
                let stale = vec![stale; dim];
                let (key, value) = match position < len {
                    true => (&key, &value),
                    false => (&stale, &stale),
                };
                let key_len = cache.key_len();
                let heads = cache.heads_mut().split_at_mut(key_len);
                write_position(
                    heads,
                    (position / KV_BLOCK, position % KV_BLOCK),
                    key,
                    value,
                );
            }
        }
        for kernels in Kernels::all() {
            let out = caches.each_ref().map(|cache| {
                let mut out = vec![0.0; shared * value_stride(dim)];
                let (keys, values) = cache.head(0);
                attend(
                    kernels,
                    Attention {
                        queries: &queries,
                        keys,
                        values,
                        table: &[0, 1, 2],
                        len,
                        dim,
                        // Left by another row.
                        scores: &mut vec![stale; shared * len.next_multiple_of(KV_BLOCK)],
                        out: &mut out,
                    },
                );
                out
            });
            assert_eq!(out[0], out[1], "{kernels:?} {stale} {len}");
        }
    }
}

#[test]
fn attention_ignores_what_is_in_unused_positions() {
    for stale in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        compare_stale::<f32>(stale, Kernels::attention_f32);
        compare_stale::<u16>(stale, Kernels::attention_f16);
    }
}
