//! Converts stored blocks to f32, bit for bit as ggml's `dequantize_row_*` (ggml-quants.c) does.

use half::bf16;
use llamaglass_shaders::scale_min;

use super::{TensorType, WeightsError};

impl TensorType {
    /// Converts whole blocks to f32. `out` must hold exactly as many values as `bytes` encodes.
    ///
    /// # Errors
    /// [`WeightsError::BlockSize`] if `bytes` is not a whole number of blocks, or `out` has another length.
    pub fn dequantize(self, bytes: &[u8], out: &mut [f32]) -> Result<(), WeightsError> {
        let blocks = bytes.len() / self.block_bytes();
        if !bytes.len().is_multiple_of(self.block_bytes()) || blocks * self.block_len() != out.len()
        {
            return Err(WeightsError::BlockSize {
                tensor_type: self.name(),
                what: format!(
                    "{} bytes in blocks of {} are not {} values in blocks of {}",
                    bytes.len(),
                    self.block_bytes(),
                    out.len(),
                    self.block_len()
                ),
            });
        }
        match self {
            Self::F32 => each(bytes, out, |b: &[u8; 4], o: &mut [f32; 1]| {
                o[0] = f32::from_le_bytes(*b);
            }),
            Self::F16 => each(bytes, out, |b: &[u8; 2], o: &mut [f32; 1]| {
                o[0] = half_at(b, 0)
            }),
            Self::BF16 => each(bytes, out, |b: &[u8; 2], o: &mut [f32; 1]| {
                o[0] = bf16::from_le_bytes(*b).to_f32();
            }),
            Self::Q8_0 => each(bytes, out, q8_0),
            Self::Q4_0 => each(bytes, out, q4_0),
            Self::Q4_1 => each(bytes, out, q4_1),
            Self::Q5_0 => each(bytes, out, q5_0),
            Self::Q5_1 => each(bytes, out, q5_1),
            Self::Q4K => each(bytes, out, q4_k),
            Self::Q5K => each(bytes, out, q5_k),
            Self::Q6K => each(bytes, out, q6_k),
        }
        Ok(())
    }
}

fn each<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    out: &mut [f32],
    convert: impl Fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    let blocks = bytes.as_chunks::<BYTES>().0;
    let values = out.as_chunks_mut::<LEN>().0;
    for (block, values) in blocks.iter().zip(values) {
        convert(block, values);
    }
}

/// Reads the f16 whose two bytes begin at `at`.
fn half_at(block: &[u8], at: usize) -> f32 {
    half_to_f32(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Converts like `half::f16::to_f32`, but without checking for CPU features at every value: that check keeps
/// the compiler from vectorising. Measured, an f16 tensor takes a third of the time.
fn half_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    // Shifts exponent and mantissa to where an f32 has them; the exponents' biases differ by 112. Multiplying
    // is exact for every finite value, subnormal ones included.
    let magnitude = u32::from(half & 0x7fff) << 13;
    let scaled = (f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23)).to_bits();
    let infinite_or_nan = magnitude >= 0x1f << 23;
    let bits = if infinite_or_nan {
        magnitude | 0xff << 23
    } else {
        scaled
    };
    f32::from_bits(sign | bits)
}

fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (value, &q) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(q.cast_signed()) * d;
    }
}

// Low nibbles hold values 0 to 15 of a block, high nibbles values 16 to 31.

fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[2..]) {
        *low = (f32::from(q & 15) - 8.0) * d;
        *high = (f32::from(q >> 4) - 8.0) * d;
    }
}

fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(&block[4..]) {
        *low = f32::from(q & 15) * d + m;
        *high = f32::from(q >> 4) * d + m;
    }
}

/// Decodes the 5-bit values of a block: `quants` holds the nibbles, and bit i of `fifth` is the fifth bit of
/// value i.
fn five_bits(fifth: &[u8], quants: &[u8], out: &mut [f32; 32], value: impl Fn(f32) -> f32) {
    let fifth = u32::from_le_bytes([fifth[0], fifth[1], fifth[2], fifth[3]]);
    let (low, high) = out.split_at_mut(16);
    for (i, ((low, high), &q)) in low.iter_mut().zip(high).zip(quants).enumerate() {
        let low_fifth = ((fifth >> i) as u8 & 1) << 4;
        let high_fifth = ((fifth >> (i + 16)) as u8 & 1) << 4;
        *low = value(f32::from(q & 15 | low_fifth));
        *high = value(f32::from(q >> 4 | high_fifth));
    }
}

fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    five_bits(&block[2..6], &block[6..], out, |q| (q - 16.0) * d);
}

fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    five_bits(&block[4..8], &block[8..], out, |q| q * d + m);
}

fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (d, dmin) = (half_at(block, 0), half_at(block, 2));
    let packed = &block[4..16];
    // Every 32 bytes hold two groups: one in the low nibbles, the next in the high nibbles.
    let pairs = out.as_chunks_mut::<64>().0.iter_mut();
    for (pair, (values, quants)) in pairs.zip(block[16..].as_chunks::<32>().0).enumerate() {
        let (scale_low, min_low) = scale_min(2 * pair, packed);
        let (scale_high, min_high) = scale_min(2 * pair + 1, packed);
        let (d_low, m_low) = (d * f32::from(scale_low), dmin * f32::from(min_low));
        let (d_high, m_high) = (d * f32::from(scale_high), dmin * f32::from(min_high));
        let (low, high) = values.split_at_mut(32);
        for ((low, high), &q) in low.iter_mut().zip(high).zip(quants) {
            *low = d_low * f32::from(q & 15) - m_low;
            *high = d_high * f32::from(q >> 4) - m_high;
        }
    }
}

fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (d, dmin) = (half_at(block, 0), half_at(block, 2));
    let packed = &block[4..16];
    // Bit j of byte i is the fifth bit of value i of group j.
    let fifths = &block[16..48];
    let pairs = out.as_chunks_mut::<64>().0.iter_mut();
    for (pair, (values, quants)) in pairs.zip(block[48..].as_chunks::<32>().0).enumerate() {
        let (scale_low, min_low) = scale_min(2 * pair, packed);
        let (scale_high, min_high) = scale_min(2 * pair + 1, packed);
        let (d_low, m_low) = (d * f32::from(scale_low), dmin * f32::from(min_low));
        let (d_high, m_high) = (d * f32::from(scale_high), dmin * f32::from(min_high));
        let (low, high) = values.split_at_mut(32);
        let values = low.iter_mut().zip(high);
        for (((low, high), &q), &fifth) in values.zip(quants).zip(fifths) {
            let fifth = fifth >> (2 * pair);
            *low = d_low * f32::from(q & 15 | (fifth & 1) << 4) - m_low;
            *high = d_high * f32::from(q >> 4 | (fifth >> 1 & 1) << 4) - m_high;
        }
    }
}

fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (lows, rest) = block.split_at(128);
    let (highs, rest) = rest.split_at(64);
    let (scales, d) = rest.split_at(16);
    let d = half_at(d, 0);
    // Each half has 64 bytes of low nibbles, 32 bytes of upper bits, 8 scales, and 128 values in 4 runs of 32.
    let halves = out.as_chunks_mut::<128>().0.iter_mut();
    let stored = lows
        .as_chunks::<64>()
        .0
        .iter()
        .zip(highs.as_chunks::<32>().0);
    let stored = stored.zip(scales.as_chunks::<8>().0);
    for (values, ((lows, highs), scales)) in halves.zip(stored) {
        for (run, values) in values.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let first = 32 * (run & 1);
            let nibble = 4 * (run >> 1);
            for (i, values) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let scale = d * f32::from(scales[2 * run + i].cast_signed());
                let lows = &lows[first + 16 * i..first + 16 * i + 16];
                let highs = &highs[16 * i..16 * i + 16];
                for ((value, &low), &high) in values.iter_mut().zip(lows).zip(highs) {
                    let q = low >> nibble & 15 | (high >> (2 * run) & 3) << 4;
                    *value = scale * (f32::from(q) - 32.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_conversion_is_exact_for_all_bit_patterns() {
        for bits in 0..=u16::MAX {
            let (ours, theirs) = (half_to_f32(bits), half::f16::from_bits(bits).to_f32());
            let same = ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan();
            assert!(same, "{bits:#06x}: {ours} instead of {theirs}");
        }
    }

    #[test]
    fn dequantize_rejects_sizes_that_do_not_match() {
        for tensor_type in TensorType::ALL {
            let mut out = vec![0.0; tensor_type.block_len()];
            let bytes = vec![0; tensor_type.block_bytes()];
            assert_eq!(tensor_type.dequantize(&bytes, &mut out), Ok(()));
            assert!(tensor_type.dequantize(&bytes[1..], &mut out).is_err());
            assert!(tensor_type.dequantize(&bytes, &mut out[1..]).is_err());
        }
    }
}
