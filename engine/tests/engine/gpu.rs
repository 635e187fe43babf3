//! A GPU for tests of kernels, with random inputs and comparisons of outputs.

use std::rc::Rc;

use cubecl::bytes::Bytes;
use llamaglass_engine::forward::{self, Buffer, OpenDevice, find_adapter, open_wgpu};
use llamaglass_shaders::{BLOCK, Format, Variant, cpu};
use pollster::block_on;

/// Value of unwritten outputs, which exposes a kernel that does not write them.
pub const POISON: f32 = 1e9;

/// A matrix as the device stores it, and its values padded to full blocks.
pub struct Packed {
    pub quants: Vec<u32>,
    pub scales: Vec<u32>,
    pub values: Vec<f32>,
    blocks: usize,
}

impl Packed {
    /// Returns the first `columns` values of each row.
    pub fn rows(&self, columns: usize) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.blocks * BLOCK);
        rows.flat_map(|row| &row[..columns]).copied().collect()
    }
}

/// A GPU and a source of random values.
pub struct Gpu {
    pub device: Rc<forward::Gpu>,
    state: u32,
}

impl Gpu {
    /// Returns the variants that can be launched here.
    pub fn variants(&self) -> Vec<Variant> {
        let has = |variant: &Variant| {
            *variant != Variant::Subgroups || self.device.subgroup_size().is_some()
        };
        Variant::ALL.into_iter().filter(has).collect()
    }

    pub fn open() -> Self {
        Self {
            device: open_device().gpu.expect("a GPU"),
            state: 1,
        }
    }

    /// Returns 16 random bits.
    pub fn random(&mut self) -> u32 {
        let state = self.state.wrapping_mul(1_664_525);
        self.state = state.wrapping_add(1_013_904_223);
        self.state >> 16
    }

    pub fn word(&mut self) -> u32 {
        self.random() << 16 | self.random()
    }

    /// Returns `count` values from -1 to 1.
    pub fn noise(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.random() as f32 / 32_768.0 - 1.0)
            .collect()
    }

    /// Uploads rows of `values`, each padded with zeros to full blocks.
    pub fn padded(&self, values: &[f32], row: usize) -> Buffer {
        let mut padded = Vec::new();
        for row in values.chunks_exact(row) {
            padded.extend_from_slice(row);
            padded.resize(padded.len().next_multiple_of(BLOCK), 0.0);
        }
        self.put(&padded)
    }

    /// Creates a matrix of random bits in `format`, with values from about -1 to 1.
    pub fn matrix(&mut self, format: Format, rows: usize, blocks: usize) -> Packed {
        let mut words = |count: usize| -> Vec<u32> { (0..count).map(|_| self.word()).collect() };
        let mut quants = words(rows * format.quant_words(blocks));
        let mut scales = words(rows * format.scale_words(blocks));
        let mut limit = |mask: u32, exponents: u32| {
            quants
                .iter_mut()
                .for_each(|word| *word = *word & mask | exponents);
        };
        match format {
            Format::F32 => limit(0x807f_ffff, 0x3f00_0000),
            Format::F16 => limit(0x83ff_83ff, 0x3800_3800),
            Format::Bf16 => limit(0x807f_807f, 0x3f00_3f00),
            _ => {
                // Scales from 2^-9 to 2^-7 for 4-bit values, and smaller ones for more bits.
                let (group, scale) = match format {
                    Format::Q5_0 => (3, 0x1c00),
                    Format::Q5_1 => (2, 0x1c00),
                    Format::Q4K => (5, 0x1000),
                    Format::Q5K => (13, 0x0c00),
                    Format::Q6K => (21, 0x0400),
                    Format::Q8_0 => (1, 0x1400),
                    _ => (1, 0x2000),
                };
                for word in scales.iter_mut().step_by(group) {
                    *word = *word & 0x83ff_83ff | scale << 16 | scale;
                }
            }
        }
        let values = (0..rows).flat_map(|row| {
            let (q, s) = (format.quant_words(blocks), format.scale_words(blocks));
            cpu::unpack(
                format,
                &quants[row * q..(row + 1) * q],
                &scales[row * s..(row + 1) * s],
            )
        });
        let values = values.collect();
        Packed {
            quants,
            scales,
            values,
            blocks,
        }
    }

    pub fn put(&self, values: &[f32]) -> Buffer {
        self.put_u32(bytemuck::cast_slice(values))
    }

    pub fn put_u32(&self, values: &[u32]) -> Buffer {
        let bytes = bytemuck::cast_slice(values).to_vec();
        self.device.create(Bytes::from_bytes_vec(bytes)).unwrap()
    }

    /// Uploads a matrix's scales, followed by the bias.
    pub fn scales(&self, matrix: &Packed, bias: &[f32]) -> Buffer {
        let mut scales = matrix.scales.clone();
        scales.extend(bias.iter().map(|value| value.to_bits()));
        scales.push(0);
        self.put_u32(&scales)
    }

    pub fn get(&self, buffer: &Buffer) -> Vec<f32> {
        let words = self.get_u32(buffer);
        words.into_iter().map(f32::from_bits).collect()
    }

    pub fn get_u32(&self, buffer: &Buffer) -> Vec<u32> {
        let read = block_on(self.device.read(buffer)).unwrap();
        let words = read.chunks_exact(4);
        words.map(bytemuck::pod_read_unaligned).collect()
    }
}

pub fn open_device() -> OpenDevice {
    block_on(async { open_wgpu(find_adapter(None).await.unwrap()).await }).unwrap()
}

/// Asserts that values are equal within the rounding of sums of `terms` products of values from -1 to 1.
pub fn assert_close(what: &str, got: &[f32], wanted: &[f32], terms: usize) {
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
