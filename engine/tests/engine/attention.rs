//! Tests attention, and the product that writes its inputs, against their CPU references.

use llamaglass_engine::forward::Buffer;
use llamaglass_shaders::cpu::{self, Cache};
use llamaglass_shaders::params::{AttentionParams, AttentionTileParams, LinearParams};
use llamaglass_shaders::{
    ATTENTION_TILE_ROWS, BLOCK, Format, Heads, KV_BLOCK, Kv, MatmulKernel, MatrixLayout, Store,
    Variant, attention, attention_groups, attention_merge, attention_part, attention_tile, linear,
    step::{self, Row},
};

use super::kernels::{Gpu, POISON, assert_close};

const HEADS: [Heads; 4] = [
    Heads {
        queries: 1,
        kv: 1,
        dim: 2,
    },
    // More query heads per kv head than a workgroup takes at once.
    Heads {
        queries: 10,
        kv: 2,
        dim: 20,
    },
    Heads {
        queries: 6,
        kv: 2,
        dim: 10,
    },
    Heads {
        queries: 2,
        kv: 1,
        dim: 160,
    },
];

/// Positions per sequence, and the block tables of two sequences, deliberately out of order.
const POSITIONS: usize = 150;
const TABLES: [[u32; 3]; 2] = [[4, 0, 2], [1, 5, 3]];
/// A row that fills a tile: it belongs to no sequence, and its block to nobody.
const FILLER: (usize, usize) = (2, 0);
const NOBODYS: u32 = 6;

/// Maps each pair of values in a device's cache to its sequence, whether it is a key, and the index of its
/// first value in [K, S, D]; `None` past a sequence's last position.
fn pairs(heads: Heads) -> Vec<Option<(usize, bool, usize)>> {
    let half = heads.dim / 2;
    let mut all = Vec::new();
    for block in 0..TABLES.as_flattened().len() as u32 {
        let of = |table: &[u32; 3]| table.iter().position(|listed| *listed == block);
        let (sequence, nth) = (0..2)
            .find_map(|sequence| Some((sequence, of(&TABLES[sequence])?)))
            .unwrap();
        let place = |is_key, head, in_block, i| {
            let position = nth * KV_BLOCK + in_block;
            let at = (head * POSITIONS + position) * heads.dim + 2 * i;
            (position < POSITIONS).then_some((sequence, is_key, at))
        };
        for head in 0..heads.kv {
            for i in 0..half {
                all.extend((0..KV_BLOCK).map(|in_block| place(true, head, in_block, i)));
            }
        }
        for head in 0..heads.kv {
            for in_block in 0..KV_BLOCK {
                all.extend((0..half).map(|i| place(false, head, in_block, i)));
            }
        }
    }
    all
}

/// Reads what the device has cached for each sequence.
fn cached(gpu: &Gpu, buffer: &Buffer, heads: Heads, kv: Kv) -> [Cache; 2] {
    let words = gpu.get_u32(buffer);
    let values: Vec<f32> = match kv {
        Kv::F32 => words.into_iter().map(f32::from_bits).collect(),
        Kv::F16 => words
            .into_iter()
            .flat_map(|word| [word as u16, (word >> 16) as u16])
            .map(|half| half::f16::from_bits(half).to_f32())
            .collect(),
    };
    let mut caches = [(); 2].map(|()| Cache::new(heads, POSITIONS));
    for (place, pair) in pairs(heads).into_iter().zip(values.chunks(2)) {
        let Some((sequence, is_key, at)) = place else {
            continue;
        };
        let cache = &mut caches[sequence];
        let to = if is_key {
            &mut cache.keys
        } else {
            &mut cache.values
        };
        to[at..at + 2].copy_from_slice(pair);
    }
    caches
}

/// Writes a step of `rows`, given as sequence and position.
fn step_of(gpu: &Gpu, rows: &[(usize, usize)]) -> Buffer {
    let tables = step::HEAD_WORDS + step::ROW_WORDS * rows.len();
    let row = |(sequence, position): &(usize, usize)| Row {
        id: 0,
        position: *position as u32,
        blocks: (tables + sequence * TABLES[0].len()) as u32,
        slot: 0,
    };
    let all: Vec<Row> = rows.iter().map(row).collect();
    let mut words = step::words(&all, &[0], true);
    words.extend(TABLES.as_flattened());
    words.push(NOBODYS);
    gpu.put_u32(&words)
}

/// Launches the attention kernels: tiles, single rows, and single rows split over several workgroups.
struct Attention<'a> {
    gpu: &'a Gpu,
    buffers: [&'a Buffer; 3],
    heads: Heads,
    stride: usize,
}

impl Attention<'_> {
    /// Computes the prompts' rows, which come first in a step.
    fn tile(&self, kv: Kv, attn_out: &Buffer, rows: usize) {
        let tiles = rows.div_ceil(ATTENTION_TILE_ROWS) as u32;
        let groups = [self.heads.queries as u32, tiles, 1];
        let params = AttentionTileParams {
            out_stride: self.stride as u32,
            rows: rows as u32,
        };
        let [rotated, cache, step] = self.buffers;
        let buffers = [rotated, cache, attn_out, step];
        let kernel = attention_tile(kv, self.heads);
        self.gpu.device.launch(&kernel, &buffers, &params, groups);
    }

    /// Computes rows `first` to `first + rows` one by one.
    fn rows(
        &self,
        (kv, variant): (Kv, Variant),
        attn_out: &Buffer,
        [first, rows]: [usize; 2],
        splits: usize,
    ) {
        let Heads { queries, dim, .. } = self.heads;
        let [x, y, _] = attention_groups(self.heads, splits);
        let groups = [x, y, rows as u32];
        let params = AttentionParams {
            out_stride: self.stride as u32,
            splits: splits as u32,
            first_row: first as u32,
        };
        let device = &self.gpu.device;
        let [rotated, cache, step] = self.buffers;
        if splits == 1 {
            let kernel = attention(kv, variant, self.heads);
            let buffers = [rotated, cache, attn_out, step];
            return device.launch(&kernel, &buffers, &params, groups);
        }
        let parts = vec![POISON; rows * splits * queries * (dim + 2)];
        let parts = self.gpu.put(&parts);
        let kernel = attention_part(kv, variant, self.heads);
        device.launch(&kernel, &[rotated, cache, &parts, step], &params, groups);
        let groups = [queries as u32, rows as u32, 1];
        let kernel = attention_merge(self.heads);
        device.launch(&kernel, &[&parts, attn_out], &params, groups);
    }
}

/// Rows of a step: how many belong to prompts, and the sequence and position of each.
type Places = (usize, Vec<(usize, usize)>);

/// Checks queries, keys and values of each of `steps` with `method`, from one matrix or two, and then
/// attention over them.
fn check_qkv(method: MatmulKernel, kv_type: Kv, heads: Heads, steps: &[Places], parts: usize) {
    let mut gpu = Gpu::open();
    let Heads { queries, kv, dim } = heads;
    let turns = gpu.noise(POSITIONS * dim / 2);
    let angles: Vec<[f32; 2]> = turns
        .iter()
        .map(|a| [(a * 3.0).cos(), (a * 3.0).sin()])
        .collect();
    let on_gpu = gpu.put(angles.as_flattened());
    let mut caches = [(); 2].map(|()| Cache::new(heads, POSITIONS));
    let mut nobodys = Cache::new(heads, POSITIONS);
    let blocks = TABLES.as_flattened().len() + 1;
    let words = 2 * kv * blocks * KV_BLOCK * dim * kv_type.bytes() / 4;
    // Unwritten values are NaN, so they must not be used.
    let both = gpu.put_u32(&vec![f32::NAN.to_bits(); words]);
    let inputs = 40;
    let split = if parts == 1 {
        heads.row()
    } else {
        (queries + kv) * dim
    };
    for (tiled, places) in steps {
        let rows = places.len();
        let step = step_of(&gpu, places);
        let stride = queries * dim;
        let rotated = gpu.put(&vec![POISON; rows * stride]);
        let x = gpu.noise(rows * inputs);
        let x_on_gpu = gpu.padded(&x, inputs);
        let mut columns = Vec::new();
        for (format, first, out) in [
            (Format::F16, 0, split),
            (Format::Q8_0, split, heads.row() - split),
        ] {
            if out == 0 {
                continue;
            }
            let bias = gpu.noise(out);
            let blocks = Format::blocks(inputs);
            let matrix = gpu.matrix(format, out, blocks);
            let w = matrix.values.chunks_exact(blocks * BLOCK);
            let w: Vec<f32> = w.flat_map(|row| &row[..inputs]).copied().collect();
            columns.push((out, cpu::linear(&x, &w, &bias, inputs)));
            let params = LinearParams {
                rows: rows as u32,
                x_row: 0,
                out: out as u32,
                bias_offset: matrix.scales.len() as u32,
                y_column: first as u32,
                y_stride: stride as u32,
            };
            let layout = MatrixLayout {
                format,
                blocks,
                bias: true,
            };
            gpu.device.launch(
                &linear(method, layout, Store::Qkv(kv_type, heads)),
                &[
                    &x_on_gpu,
                    &gpu.put_u32(&matrix.quants),
                    &gpu.scales(&matrix, &bias),
                    &rotated,
                    &on_gpu,
                    &both,
                    &step,
                ],
                &params,
                method.groups(rows, out),
            );
        }
        let mut qkv = Vec::new();
        for row in 0..rows {
            for (out, values) in &columns {
                qkv.extend_from_slice(&values[row * out..(row + 1) * out]);
            }
        }
        let mut wanted = Vec::new();
        for (qkv, (sequence, position)) in qkv.chunks_exact(heads.row()).zip(places) {
            let cache = caches.get_mut(*sequence).unwrap_or(&mut nobodys);
            wanted.extend(cpu::rope(qkv, heads, &angles, *position, cache));
        }
        assert_close("queries", &gpu.get(&rotated), &wanted, 8 * inputs);
        let got = cached(&gpu, &both, heads, kv_type);
        // f16 has 11 significant bits.
        let terms = match kv_type {
            Kv::F32 => 8 * inputs,
            Kv::F16 => 8 * inputs + 500,
        };
        let mut attended = Vec::new();
        for (query, (sequence, position)) in wanted.chunks_exact(stride).zip(places) {
            if (*sequence, *position) == FILLER {
                // The result of a filler row does not matter.
                attended.extend_from_slice(query);
                continue;
            }
            let (got, wanted) = (&got[*sequence], &caches[*sequence]);
            let seen = |values: &[f32]| -> Vec<f32> {
                let heads = values.chunks_exact(POSITIONS * dim);
                heads
                    .flat_map(|head| &head[..(position + 1) * dim])
                    .copied()
                    .collect()
            };
            assert_close("keys", &seen(&got.keys), &seen(&wanted.keys), terms);
            assert_close("values", &seen(&got.values), &seen(&wanted.values), terms);
            attended.extend(cpu::attention(query, heads, *position, got));
        }
        let wanted = attended;
        let out_stride = stride + 3;
        let attention_of = Attention {
            gpu: &gpu,
            buffers: [&rotated, &both, &step],
            heads,
            stride: out_stride,
        };
        let mut all = Vec::new();
        let attn_out = || gpu.put(&vec![POISON; rows * out_stride]);
        for variant in gpu.variants() {
            for splits in [1, 2, 5] {
                let alone = attn_out();
                attention_of.rows((kv_type, variant), &alone, [0, rows], splits);
                all.push((format!("rows, {variant}, {splits} parts"), alone));
                if *tiled == 0 {
                    continue;
                }
                let both = attn_out();
                attention_of.tile(kv_type, &both, *tiled);
                if *tiled < rows {
                    let rest = [*tiled, rows - tiled];
                    attention_of.rows((kv_type, variant), &both, rest, splits);
                }
                all.push((format!("tile and rows, {variant}, {splits} parts"), both));
            }
        }
        for (what, attn_out) in all {
            let got = gpu.get(&attn_out);
            let rows = got.chunks_exact(out_stride).zip(places);
            for ((got, place), wanted) in rows.zip(wanted.chunks_exact(stride)) {
                if *place == FILLER {
                    continue;
                }
                assert_close(&what, &got[..stride], wanted, 64 * dim);
                assert_eq!(got[stride..], [POISON; 3]);
            }
        }
        caches = got;
    }
}

#[test]
fn qkv_and_attention_match_the_cpu_reference() {
    for heads in HEADS {
        for kv in Kv::ALL {
            for parts in [1, 2] {
                let run = |sequence: usize, first: usize, rows| -> Vec<(usize, usize)> {
                    (first..first + rows).map(|at| (sequence, at)).collect()
                };
                // A prompt in two chunks that fill, start and exceed blocks of 64 positions; a single row;
                // rows of two sequences; finally two prompts with single rows.
                let prompts = [run(1, 2, 17), vec![FILLER; 15], run(0, 132, 3)].concat();
                let tiled = prompts.len();
                let steps = [
                    (63, run(0, 0, 63)),
                    (66, run(0, 63, 66)),
                    (1, run(0, 129, 1)),
                    (0, vec![(0, 130), (1, 0)]),
                    (0, vec![(1, 1), (0, 131)]),
                    (tiled, [prompts, vec![(1, 19), (0, 135)]].concat()),
                ];
                check_qkv(MatmulKernel::Tile, kv, heads, &steps, parts);
                let steps =
                    [run(0, 0, 1), run(0, 1, 1), vec![(0, 2), (1, 0)]].map(|rows| (0, rows));
                for variant in Gpu::open().variants() {
                    check_qkv(MatmulKernel::Row(variant), kv, heads, &steps, parts);
                }
            }
        }
    }
}
