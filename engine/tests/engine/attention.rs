//! Tests attention, and the product that writes its inputs, against their CPU references.

use llamaglass_engine::forward::Buffer;
use llamaglass_shaders::cpu::{self, Cache};
use llamaglass_shaders::params::{AttentionParams, AttentionTileParams, LinearParams};
use llamaglass_shaders::{
    ATTENTION_TILE_ROWS, Format, Heads, KV_BLOCK, Kv, MatmulKernel, MatrixLayout, Store, Variant,
    attention, attention_groups, attention_merge, attention_part, attention_tile, linear,
    step::{self, Row},
};

use super::gpu::{Gpu, POISON, assert_close};

/// Query heads, kv heads and head size. The second has more query heads per kv head than a workgroup takes at once.
const HEADS: [[usize; 3]; 4] = [[1, 1, 2], [10, 2, 20], [6, 2, 10], [2, 1, 160]];

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
        let Cache { keys, values, .. } = &mut caches[sequence];
        let to = if is_key { keys } else { values };
        to[at..at + 2].copy_from_slice(pair);
    }
    caches
}

/// Writes a step of `rows`, given as sequence and position.
fn step_of(gpu: &Gpu, rows: &[(usize, usize)]) -> Buffer {
    let tables = step::HEAD_WORDS + step::ROW_WORDS * rows.len();
    let row = |(sequence, position): &(usize, usize)| Row {
        position: *position as u32,
        blocks: (tables + sequence * TABLES[0].len()) as u32,
        ..Row::default()
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

/// Number of input values per row of the product that yields queries, keys and values.
const INPUTS: usize = 40;
/// Values per row of `attn_out` that follow the attention outputs, which attention must not write.
const OUT_PADDING: usize = 3;

/// Checks queries, keys and values with one method, and attention over them.
struct QkvCheck {
    gpu: Gpu,
    method: MatmulKernel,
    kv: Kv,
    heads: Heads,
    angles: Vec<[f32; 2]>,
    /// The angles on the device.
    device_angles: Buffer,
    /// The cache on the device.
    device_cache: Buffer,
    /// Reference cache of each sequence, and of rows without one.
    caches: [Cache; 2],
    filler_cache: Cache,
}

impl QkvCheck {
    fn new(method: MatmulKernel, kv: Kv, heads: Heads) -> Self {
        let mut gpu = Gpu::open();
        let turns = gpu.noise(POSITIONS * heads.dim / 2);
        let angles: Vec<[f32; 2]> = turns
            .iter()
            .map(|a| [(a * 3.0).cos(), (a * 3.0).sin()])
            .collect();
        let blocks = TABLES.as_flattened().len() + 1;
        let words = 2 * heads.kv * blocks * KV_BLOCK * heads.dim * kv.bytes() / 4;
        Self {
            device_angles: gpu.put(angles.as_flattened()),
            // Unwritten values are NaN, so they must not be used.
            device_cache: gpu.put_u32(&vec![f32::NAN.to_bits(); words]),
            gpu,
            method,
            kv,
            heads,
            angles,
            caches: [(); 2].map(|()| Cache::new(heads, POSITIONS)),
            filler_cache: Cache::new(heads, POSITIONS),
        }
    }

    /// Checks a step whose queries, keys and values come from `parts` matrices, one or two.
    fn check_step(&mut self, (tiled, places): &Places, parts: usize) {
        let stride = self.heads.queries * self.heads.dim;
        let step = step_of(&self.gpu, places);
        let rotated = self.gpu.put(&vec![POISON; places.len() * stride]);
        let qkv = self.project(places.len(), &step, &rotated, parts);
        let mut queries = Vec::new();
        for (qkv, (sequence, position)) in qkv.chunks_exact(self.heads.row()).zip(places) {
            let cache = self.caches.get_mut(*sequence);
            let cache = cache.unwrap_or(&mut self.filler_cache);
            queries.extend(cpu::rope(qkv, self.heads, &self.angles, *position, cache));
        }
        assert_close("queries", &self.gpu.get(&rotated), &queries, 8 * INPUTS);
        let cached = cached(&self.gpu, &self.device_cache, self.heads, self.kv);
        let mut wanted = Vec::new();
        for (query, place) in queries.chunks_exact(stride).zip(places) {
            if *place == FILLER {
                // The result of a filler row does not matter.
                wanted.extend_from_slice(query);
                continue;
            }
            let (sequence, position) = *place;
            self.check_cached(&cached[sequence], &self.caches[sequence], position);
            let cached = &cached[sequence];
            wanted.extend(cpu::attention(query, self.heads, position, cached));
        }
        for (what, got) in self.attend([&rotated, &self.device_cache, &step], *tiled, places.len())
        {
            let rows = got.chunks_exact(stride + OUT_PADDING).zip(places);
            for ((got, place), wanted) in rows.zip(wanted.chunks_exact(stride)) {
                if *place != FILLER {
                    assert_close(&what, &got[..stride], wanted, 64 * self.heads.dim);
                    assert_eq!(got[stride..], [POISON; OUT_PADDING]);
                }
            }
        }
        self.caches = cached;
    }

    /// Multiplies random rows by random matrices, whose products the device rotates and caches. Returns the
    /// products [T, (H + 2 K) D] as the CPU computes them.
    fn project(&mut self, rows: usize, step: &Buffer, rotated: &Buffer, parts: usize) -> Vec<f32> {
        let Heads { queries, kv, dim } = self.heads;
        let all = self.heads.row();
        let split = if parts == 1 {
            all
        } else {
            (queries + kv) * dim
        };
        let x = self.gpu.noise(rows * INPUTS);
        let device_x = self.gpu.padded(&x, INPUTS);
        let mut products = Vec::new();
        for (format, first, out) in [(Format::F16, 0, split), (Format::Q8_0, split, all - split)] {
            if out == 0 {
                continue;
            }
            let bias = self.gpu.noise(out);
            let blocks = Format::blocks(INPUTS);
            let matrix = self.gpu.matrix(format, out, blocks);
            let w = matrix.rows(INPUTS);
            products.push((out, cpu::linear(&x, &w, &bias, INPUTS)));
            let params = LinearParams {
                rows: rows as u32,
                x_row: 0,
                out: out as u32,
                bias_offset: matrix.scales.len() as u32,
                y_column: first as u32,
                y_stride: (queries * dim) as u32,
            };
            let layout = MatrixLayout {
                format,
                blocks,
                bias: true,
            };
            self.gpu.device.launch(
                &linear(self.method, layout, Store::Qkv(self.kv, self.heads)),
                &[
                    &device_x,
                    &self.gpu.put_u32(&matrix.quants),
                    &self.gpu.scales(&matrix, &bias),
                    rotated,
                    &self.device_angles,
                    &self.device_cache,
                    step,
                ],
                &params,
                self.method.groups(rows, out),
            );
        }
        let mut qkv = Vec::new();
        for row in 0..rows {
            for (out, values) in &products {
                qkv.extend_from_slice(&values[row * out..(row + 1) * out]);
            }
        }
        qkv
    }

    /// Compares a sequence's cache up to `position` with the reference.
    fn check_cached(&self, got: &Cache, wanted: &Cache, position: usize) {
        // f16 has 11 significant bits.
        let terms = match self.kv {
            Kv::F32 => 8 * INPUTS,
            Kv::F16 => 8 * INPUTS + 500,
        };
        let dim = self.heads.dim;
        let seen = |values: &[f32]| -> Vec<f32> {
            let heads = values.chunks_exact(POSITIONS * dim);
            let seen = heads.flat_map(|head| &head[..(position + 1) * dim]);
            seen.copied().collect()
        };
        assert_close("keys", &seen(&got.keys), &seen(&wanted.keys), terms);
        assert_close("values", &seen(&got.values), &seen(&wanted.values), terms);
    }

    /// Computes attention with every kernel. Returns the name of each and its outputs for all rows.
    fn attend(&self, buffers: [&Buffer; 3], tiled: usize, rows: usize) -> Vec<(String, Vec<f32>)> {
        let attention = Attention {
            gpu: &self.gpu,
            buffers,
            heads: self.heads,
            stride: self.heads.queries * self.heads.dim + OUT_PADDING,
        };
        let attn_out = || self.gpu.put(&vec![POISON; rows * attention.stride]);
        let mut all = Vec::new();
        for variant in self.gpu.variants() {
            for splits in [1, 2, 5] {
                let alone = attn_out();
                attention.rows((self.kv, variant), &alone, [0, rows], splits);
                let name = format!("rows, {variant}, {splits} parts");
                all.push((name, self.gpu.get(&alone)));
                if tiled == 0 {
                    continue;
                }
                let both = attn_out();
                attention.tile(self.kv, &both, tiled);
                if tiled < rows {
                    attention.rows((self.kv, variant), &both, [tiled, rows - tiled], splits);
                }
                let name = format!("tile and rows, {variant}, {splits} parts");
                all.push((name, self.gpu.get(&both)));
            }
        }
        all
    }
}

/// Checks `steps` in order, with `method` for the products; see [`QkvCheck::check_step`].
fn check_qkv(method: MatmulKernel, kv: Kv, heads: Heads, steps: &[Places], parts: usize) {
    let mut check = QkvCheck::new(method, kv, heads);
    for step in steps {
        check.check_step(step, parts);
    }
}

#[test]
fn qkv_and_attention_match_the_cpu_reference() {
    for [queries, kv_heads, dim] in HEADS {
        let heads = Heads {
            queries,
            kv: kv_heads,
            dim,
        };
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
