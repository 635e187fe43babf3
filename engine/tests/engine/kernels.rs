//! Our own kernels against their CPU references, on the system's adapter, in shapes that are
//! multiples of nothing.

use burn::backend::DispatchDevice;
use burn::tensor::{Device, Tensor, TensorData};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_engine::forward::argmax::issue;
use llamaglass_engine::forward::device::{OpenDevice, find_adapter, open_wgpu};
use llamaglass_engine::forward::kernel::{flat, launch};
use llamaglass_shaders::cpu::{self, Cache, Heads};
use llamaglass_shaders::{
    ADD, ATTENTION, EMBED, LINEAR_LANE, LINEAR_TILE, LINEAR_WORKGROUP, Linear, RMS_NORM, ROPE,
    SWIGLU, WITH_BIAS,
};
use pollster::block_on;

/// What unwritten values would be: a kernel that writes nothing is found out.
const POISON: f32 = 1e9;

/// A GPU and values for it.
struct Gpu {
    client: Client,
    state: u32,
}

impl Gpu {
    fn open() -> Self {
        let device = open().device;
        let DispatchDevice::Cube(cube) = device.as_dispatch() else {
            panic!("not a GPU");
        };
        Self {
            client: cube.client(),
            state: 1,
        }
    }

    /// `count` values from -1 to 1.
    fn noise(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.state = self
                .state
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            (self.state >> 16) as f32 / 32_768.0 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn put(&self, values: &[f32]) -> Handle {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.client.create(Bytes::from_bytes_vec(bytes))
    }

    fn put_u32(&self, values: &[u32]) -> Handle {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.client.create(Bytes::from_bytes_vec(bytes))
    }

    fn get(&self, handle: &Handle) -> Vec<f32> {
        let read = block_on(self.client.read_async(vec![handle.clone()])).unwrap();
        let words = read[0].chunks_exact(4);
        words
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    }
}

fn open() -> OpenDevice {
    block_on(async { open_wgpu(find_adapter(None).await.unwrap()).await }).unwrap()
}

/// Sums of `terms` products of values from -1 to 1 may differ by their rounding.
fn assert_close(what: &str, got: &[f32], wanted: &[f32], terms: usize) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let limit = 1e-6 * (terms as f32).max(8.0);
    for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let diff = (got - wanted).abs();
        assert!(
            diff <= limit * wanted.abs().max(1.0),
            "{what}: value {i} is {got}, not {wanted}"
        );
    }
}

fn on_device(device: &Device, logits: &[f32]) -> Option<u32> {
    let data = TensorData::new(logits.to_vec(), [1, logits.len()]);
    let pick = issue(Tensor::from_data(data, device)).map_err(|_| "not on a device");
    block_on(pick.unwrap().read()).unwrap()
}

#[test]
fn argmax_picks_what_the_cpu_reference_picks() {
    let device = open().device;
    let mut gpu = Gpu::open();
    for v in [1, 2, 255, 256, 257, 1000, 49_155] {
        let mut logits = gpu.noise(v);
        let check = |logits: &[f32]| {
            assert_eq!(on_device(&device, logits), cpu::argmax(logits), "V {v}");
        };
        check(&logits);
        // Equals: the lower id wins, wherever the lanes meet.
        logits[v / 2] = 9.0;
        logits[v - 1] = 9.0;
        check(&logits);
        // What is not finite never wins.
        logits[v / 2] = f32::NAN;
        logits[v - 1] = f32::INFINITY;
        check(&logits);
    }
    assert_eq!(on_device(&device, &[f32::NAN; 300]), None);
}

#[test]
fn the_cpu_backend_gives_the_logits_back() {
    let logits = Tensor::<2>::zeros([1, 4], &Device::flex());
    assert!(issue(logits).is_err());
}

#[test]
fn embed_looks_rows_up() {
    let mut gpu = Gpu::open();
    for (v, c, ids) in [(5, 3, vec![4]), (300, 67, vec![0, 299, 7, 7, 150])] {
        let table = gpu.noise(v * c);
        let x = gpu.put(&vec![POISON; ids.len() * c]);
        let step: Vec<u32> = [12].iter().chain(&ids).copied().collect();
        launch(
            &gpu.client,
            &EMBED,
            &[&gpu.put_u32(&step), &gpu.put(&table), &x],
            &[ids.len() as u32, c as u32],
            flat(&EMBED, ids.len() * c),
        );
        assert_eq!(gpu.get(&x), cpu::embed(&table, c, &ids));
    }
}

#[test]
fn rms_norm_of_any_row() {
    let mut gpu = Gpu::open();
    for (rows, first, c) in [(1, 0, 1), (3, 0, 63), (2, 4, 577)] {
        let x = gpu.noise((first + rows) * c);
        let weight = gpu.noise(c);
        let y = gpu.put(&vec![POISON; rows * c]);
        launch(
            &gpu.client,
            &RMS_NORM,
            &[&gpu.put(&x), &gpu.put(&weight), &y],
            &[c as u32, 1e-5f32.to_bits(), first as u32],
            [rows as u32, 1, 1],
        );
        let wanted = cpu::rms_norm(&x[first * c..], &weight, 1e-5);
        assert_close("rms_norm", &gpu.get(&y), &wanted, 8);
    }
}

/// x w^T by `way`, with and without a bias, on top of what was there or not, beside other columns.
fn check_linear(way: &'static Linear, rows: usize, inputs: usize, out: usize) {
    let mut gpu = Gpu::open();
    let (first, column, stride) = (2, 3, out + 5);
    let x = gpu.noise((first + rows) * inputs);
    let w = gpu.noise(out * inputs);
    let bias = gpu.noise(out);
    let held = gpu.noise(rows * stride);
    for flags in [0, WITH_BIAS, ADD, WITH_BIAS | ADD] {
        let y = gpu.put(&held);
        let info = [rows, inputs, out, flags as usize, first, stride, column];
        launch(
            &gpu.client,
            way.kernel(inputs),
            &[&gpu.put(&x), &gpu.put(&w), &gpu.put(&bias), &y],
            &info.map(|value| value as u32),
            way.groups(rows, out),
        );
        let bias = if flags & WITH_BIAS != 0 {
            &bias[..]
        } else {
            &[]
        };
        let product = cpu::linear(&x[first * inputs..], &w, bias, inputs);
        let mut wanted = held.clone();
        for (row, values) in product.chunks_exact(out).enumerate() {
            for (i, value) in values.iter().enumerate() {
                let at = &mut wanted[row * stride + column + i];
                *at = if flags & ADD != 0 {
                    *at + value
                } else {
                    *value
                };
            }
        }
        let what = format!(
            "{} flags {flags}: {rows} {inputs} {out}",
            way.kernel(inputs).name
        );
        assert_close(&what, &gpu.get(&y), &wanted, inputs);
    }
}

#[test]
fn linear_of_one_row() {
    for way in [&LINEAR_LANE, &LINEAR_WORKGROUP] {
        for (inputs, out) in [(1, 1), (4, 3), (64, 130), (71, 129), (576, 7), (1537, 37)] {
            check_linear(way, 1, inputs, out);
        }
    }
}

#[test]
fn linear_of_many_rows() {
    for (rows, inputs, out) in [
        (2, 1, 1),
        (3, 4, 5),
        (33, 52, 31),
        (7, 71, 66),
        (64, 128, 32),
    ] {
        check_linear(&LINEAR_TILE, rows, inputs, out);
    }
}

const HEADS: [Heads; 3] = [
    Heads {
        queries: 1,
        kv: 1,
        dim: 2,
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

#[test]
fn rope_turns_and_attention_mixes() {
    let mut gpu = Gpu::open();
    for heads in HEADS {
        let Heads { queries, kv, dim } = heads;
        let positions = 150;
        let angles = gpu.noise(positions * dim / 2);
        let cosines: Vec<f32> = angles.iter().map(|a| (a * 3.0).cos()).collect();
        let sines: Vec<f32> = angles.iter().map(|a| (a * 3.0).sin()).collect();
        let shape = [queries, kv, dim, positions].map(|n| n as u32);
        let mut cache = Cache::new(heads, positions);
        let keys = gpu.put(&cache.keys);
        let values = gpu.put(&cache.values);
        // A prompt in two chunks, then a token: blocks of 64 positions whole, begun and exceeded.
        for (position, rows) in [(0, 63), (63, 66), (129, 1)] {
            let mut qkv = gpu.noise(rows * heads.row());
            let on_gpu = gpu.put(&qkv);
            let step = gpu.put_u32(&[position as u32]);
            let (cos, sin) = (gpu.put(&cosines), gpu.put(&sines));
            launch(
                &gpu.client,
                &ROPE,
                &[&on_gpu, &cos, &sin, &keys, &values, &step],
                &[rows as u32, shape[0], shape[1], shape[2], shape[3]],
                flat(&ROPE, rows * heads.row() / 2),
            );
            cpu::rope(&mut qkv, heads, [&cosines, &sines], position, &mut cache);
            assert_close("queries", &gpu.get(&on_gpu), &qkv, 8);
            assert_close("keys", &gpu.get(&keys), &cache.keys, 8);
            assert_close("values", &gpu.get(&values), &cache.values, 8);

            let mixed = gpu.put(&vec![POISON; rows * queries * dim]);
            launch(
                &gpu.client,
                &ATTENTION,
                &[&on_gpu, &keys, &values, &mixed, &step],
                &shape,
                [queries as u32, rows as u32, 1],
            );
            let wanted = cpu::attention(&qkv, heads, position, &cache);
            assert_close("attention", &gpu.get(&mixed), &wanted, 8 * dim);
        }
    }
}

#[test]
fn swiglu_of_small_and_large_gates() {
    let mut gpu = Gpu::open();
    for (rows, f) in [(1, 1), (3, 71), (2, 1000)] {
        let mut gate_up = gpu.noise(rows * 2 * f);
        gate_up[0] = 40.0;
        gate_up[rows * 2 * f - f - 1] = -40.0;
        let y = gpu.put(&vec![POISON; rows * f]);
        launch(
            &gpu.client,
            &SWIGLU,
            &[&gpu.put(&gate_up), &y],
            &[rows as u32, f as u32],
            flat(&SWIGLU, rows * f),
        );
        assert_close("swiglu", &gpu.get(&y), &cpu::swiglu(&gate_up, f), 8);
    }
}
