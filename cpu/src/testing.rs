//! Random stored tensors for tests.

use half::f16;
use llamaglass_shaders::{Format, cpu::unpack, pack_row};

/// A generator of random bits (a linear congruential generator, Knuth's MMIX).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Returns a value from -1 to 1.
    pub fn value(&mut self) -> f32 {
        self.bits() as f32 / (1u32 << 30) as f32 - 1.0
    }

    pub fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    /// Returns a number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.bits() as usize % limit
    }

    /// Returns stored rows whose values are about `-size` to `size`.
    pub fn weights(&mut self, format: Format, rows: usize, columns: usize, size: f32) -> Vec<u8> {
        let (values, bytes) = format.stored_block();
        let blocks = rows * columns / values;
        let float = |random: &mut Self| size * random.value();
        let mut stored = match format {
            Format::F32 => (0..blocks)
                .flat_map(|_| float(self).to_le_bytes())
                .collect(),
            Format::F16 => (0..blocks)
                .flat_map(|_| f16::from_f32(float(self)).to_le_bytes())
                .collect(),
            Format::Bf16 => (0..blocks)
                .flat_map(|_| (float(self).to_bits().to_le_bytes())[2..].to_vec())
                .collect(),
            _ => (0..blocks * bytes)
                .map(|_| self.bits() as u8)
                .collect::<Vec<u8>>(),
        };
        for (at, largest) in halves(format) {
            for block in stored.chunks_exact_mut(bytes) {
                let half = f16::from_f32(size / largest * (1.0 + self.value() / 4.0));
                block[at..at + 2].copy_from_slice(&half.to_le_bytes());
            }
        }
        stored
    }

    /// Returns stored rows with scales of 0.003 to 0.06 and any numbers.
    pub fn stored(&mut self, format: Format, rows: usize, columns: usize) -> Vec<u8> {
        let (values, bytes) = format.stored_block();
        let count = rows * columns / values * bytes;
        if format == Format::F32 {
            return self
                .values(rows * columns)
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect();
        }
        let mut stored: Vec<u8> = (0..count).map(|_| self.bits() as u8).collect();
        // Upper bytes of halves: the exponent 2^-9 to 2^-5, either sign.
        let halves: &[usize] = match format {
            Format::Q6K => &[209],
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[1, 3],
            _ => &[1],
        };
        for block in stored.chunks_exact_mut(bytes) {
            for at in halves {
                block[*at] = match format {
                    Format::Bf16 => block[*at] & 0x80 | 0x3d,
                    _ => block[*at] & 0x8f | 0x20,
                };
            }
        }
        stored
    }
}

/// Returns the byte positions of a block's halves. A value of a row is at most 2 if each half is divided by its
/// number, and about -1 to 1.
pub fn halves(format: Format) -> Vec<(usize, f32)> {
    match format {
        Format::F32 | Format::F16 | Format::Bf16 => vec![],
        Format::Q8_0 => vec![(0, 128.0)],
        Format::Q4_0 => vec![(0, 8.0)],
        // The minimum is added.
        Format::Q4_1 => vec![(0, 7.5), (2, -1.0)],
        Format::Q5_0 => vec![(0, 16.0)],
        Format::Q5_1 => vec![(0, 15.5), (2, -1.0)],
        // The minimum is subtracted.
        Format::Q4K => vec![(0, 63.0 * 7.5), (2, 63.0)],
        Format::Q5K => vec![(0, 63.0 * 15.5), (2, 63.0)],
        Format::Q6K => vec![(208, 128.0 * 32.0)],
    }
}

/// Returns the values of stored rows.
pub fn values(format: Format, columns: usize, stored: &[u8]) -> Vec<f32> {
    let (values, bytes) = format.stored_block();
    let blocks = Format::blocks(columns);
    let rows = stored.chunks_exact(columns / values * bytes);
    rows.flat_map(|row| {
        let mut quants = vec![0; format.quant_words(blocks)];
        let mut scales = vec![0; format.scale_words(blocks)];
        pack_row(format, row, &mut quants, &mut scales);
        let mut row = unpack(format, &quants, &scales);
        row.truncate(columns);
        row
    })
    .collect()
}
