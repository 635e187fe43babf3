//! Converts f32 to stored blocks with simple rounding, for random weights and tests.
//!
//! The 32-value types choose their scales as ggml's `quantize_row_*_ref` do. The K types use each group's
//! range, whereas ggml searches for the best scale.

use half::{bf16, f16};

use super::{TensorType, WeightsError};

impl TensorType {
    /// Converts whole blocks of values to their stored form.
    ///
    /// # Errors
    /// [`WeightsError::BlockSize`] if `values` is not a whole number of blocks.
    pub fn quantize(self, values: &[f32]) -> Result<Vec<u8>, WeightsError> {
        if !values.len().is_multiple_of(self.block_len()) {
            return Err(WeightsError::BlockSize {
                tensor_type: self.name(),
                what: format!(
                    "{} values are not a whole number of blocks of {}",
                    values.len(),
                    self.block_len()
                ),
            });
        }
        let mut bytes = Vec::with_capacity(values.len() / self.block_len() * self.block_bytes());
        for block in values.chunks_exact(self.block_len()) {
            match self {
                Self::F32 => bytes.extend(block[0].to_le_bytes()),
                Self::F16 => bytes.extend(f16::from_f32(block[0]).to_le_bytes()),
                Self::BF16 => bytes.extend(bf16::from_f32(block[0]).to_le_bytes()),
                Self::Q8_0 => q8_0(block, &mut bytes),
                Self::Q4_0 => nibbles(block, 4, false, &mut bytes),
                Self::Q4_1 => nibbles(block, 4, true, &mut bytes),
                Self::Q5_0 => nibbles(block, 5, false, &mut bytes),
                Self::Q5_1 => nibbles(block, 5, true, &mut bytes),
                Self::Q4K => k_nibbles(block, 4, &mut bytes),
                Self::Q5K => k_nibbles(block, 5, &mut bytes),
                Self::Q6K => q6_k(block, &mut bytes),
            }
        }
        Ok(bytes)
    }
}

/// Returns 1/x, or 0 for 0, as ggml does.
fn inverse(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { 1.0 / x }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(f32::MIN, |max, &x| max.max(x))
}

fn smallest(values: &[f32]) -> f32 {
    values.iter().fold(f32::MAX, |min, &x| min.min(x))
}

fn largest_abs(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |max, &x| x.abs().max(max))
}

fn push_half(x: f32, bytes: &mut Vec<u8>) {
    bytes.extend(f16::from_f32(x).to_le_bytes());
}

fn q8_0(block: &[f32], bytes: &mut Vec<u8>) {
    let d = largest_abs(block) / 127.0;
    push_half(d, bytes);
    bytes.extend(
        block
            .iter()
            .map(|x| ((x * inverse(d)).round() as i8).cast_unsigned()),
    );
}

/// Quantises to Q4_0, Q4_1, Q5_0 or Q5_1: `bits` per value, with a minimum or symmetric around zero.
fn nibbles(block: &[f32], bits: u8, with_min: bool, bytes: &mut Vec<u8>) {
    let top = (1u8 << bits) - 1;
    let (d, zero) = if with_min {
        let min = smallest(block);
        ((largest(block) - min) / f32::from(top), min)
    } else {
        // The value farthest from zero becomes the lowest code, whatever its sign.
        let far = block
            .iter()
            .fold(0.0f32, |far, &x| if x.abs() > far.abs() { x } else { far });
        (far / -f32::from(top.div_ceil(2)), 0.0)
    };
    let half_up = if with_min {
        0.5
    } else {
        f32::from(top.div_ceil(2)) + 0.5
    };
    let code = |x: f32| (((x - zero) * inverse(d) + half_up) as u8).min(top);

    push_half(d, bytes);
    if with_min {
        push_half(zero, bytes);
    }
    if bits == 5 {
        let fifth = block
            .iter()
            .rev()
            .fold(0u32, |all, &x| all << 1 | u32::from(code(x) >> 4));
        bytes.extend(fifth.to_le_bytes());
    }
    let (low, high) = block.split_at(16);
    bytes.extend(
        low.iter()
            .zip(high)
            .map(|(&low, &high)| code(low) & 15 | code(high) << 4),
    );
}

/// Quantises to Q4_K or Q5_K: 8 groups of 32 values, each with a 6-bit scale and minimum.
fn k_nibbles(block: &[f32], bits: u8, bytes: &mut Vec<u8>) {
    let top = f32::from((1u8 << bits) - 1);
    let groups = block.as_chunks::<32>().0;
    // A value is d * scale * q - dmin * min with min >= 0, so the range of an all-positive group starts at 0.
    let mins = groups
        .iter()
        .map(|group| -smallest(group).min(0.0))
        .collect::<Vec<_>>();
    let scales = groups
        .iter()
        .zip(&mins)
        .map(|(group, min)| (largest(group).max(0.0) + min) / top);
    let scales = scales.collect::<Vec<_>>();
    // Round to f16 first, because the codes must match the scales that will be read back.
    let d = f16::from_f32(largest(&scales) / 63.0).to_f32();
    let dmin = f16::from_f32(largest(&mins) / 63.0).to_f32();
    let six_bits = |x: f32, unit: f32| ((x * inverse(unit)).round() as u8).min(63);
    let scales = scales.iter().map(|&x| six_bits(x, d)).collect::<Vec<_>>();
    let mins = mins.iter().map(|&x| six_bits(x, dmin)).collect::<Vec<_>>();

    push_half(d, bytes);
    push_half(dmin, bytes);
    bytes.extend((0..4).map(|j| scales[j] | (scales[j + 4] >> 4) << 6));
    bytes.extend((0..4).map(|j| mins[j] | (mins[j + 4] >> 4) << 6));
    bytes.extend((4..8).map(|j| scales[j] & 15 | mins[j] << 4));

    let code = |group: usize, i: usize| {
        let x = groups[group][i] + dmin * f32::from(mins[group]);
        (x * inverse(d * f32::from(scales[group])))
            .round()
            .clamp(0.0, top) as u8
    };
    if bits == 5 {
        let fifth = |i| (0..8).fold(0, |all, group| all | (code(group, i) >> 4) << group);
        bytes.extend((0..32).map(fifth));
    }
    for pair in 0..4 {
        bytes.extend((0..32).map(|i| code(2 * pair, i) & 15 | code(2 * pair + 1, i) << 4));
    }
}

fn q6_k(block: &[f32], bytes: &mut Vec<u8>) {
    let groups = block.as_chunks::<16>().0;
    let scales = groups
        .iter()
        .map(|group| largest_abs(group) / 31.0)
        .collect::<Vec<_>>();
    let d = f16::from_f32(largest(&scales) / 127.0).to_f32();
    let scales = scales
        .iter()
        .map(|x| ((x * inverse(d)).round() as i8).max(0))
        .collect::<Vec<_>>();
    let code = |i: usize| {
        let q = block[i] * inverse(d * f32::from(scales[i / 16]));
        (q.round().clamp(-32.0, 31.0) as i8 + 32).cast_unsigned()
    };
    for half in [0, 128] {
        bytes.extend((0..64).map(|i| code(half + i) & 15 | code(half + 64 + i) << 4));
    }
    for half in [0, 128] {
        let high = |i| {
            (0..4).fold(0, |all, run: usize| {
                all | (code(half + 32 * run + i) >> 4) << (2 * run)
            })
        };
        bytes.extend((0..32).map(high));
    }
    bytes.extend(scales.iter().map(|scale| scale.cast_unsigned()));
    push_half(d, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Maximum rounding error, as a fraction of the block's range.
    fn tolerance(tensor_type: TensorType) -> f32 {
        match tensor_type {
            TensorType::F32 => 0.0,
            TensorType::F16 => 1e-3,
            TensorType::BF16 => 4e-3,
            TensorType::Q8_0 => 5e-3,
            TensorType::Q6K => 0.02,
            TensorType::Q5_0 | TensorType::Q5_1 | TensorType::Q5K => 0.035,
            TensorType::Q4_0 | TensorType::Q4_1 | TensorType::Q4K => 0.07,
        }
    }

    #[test]
    fn values_round_trip_within_tolerance() {
        for shift in [-1.5, 0.0, 0.75] {
            let wave = (0..512).map(|i| (i as f32 * 0.37).sin() + shift);
            let values = wave.collect::<Vec<_>>();
            for tensor_type in TensorType::ALL {
                let bytes = tensor_type.quantize(&values).expect("whole blocks");
                let mut back = vec![0.0; values.len()];
                tensor_type
                    .dequantize(&bytes, &mut back)
                    .expect("whole blocks");
                let worst = values
                    .iter()
                    .zip(&back)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                let range = 2.0 + 2.0 * f32::abs(shift);
                assert!(
                    worst <= tolerance(tensor_type) * range,
                    "{tensor_type} {shift}: {worst}"
                );
            }
        }
    }

    #[test]
    fn zeros_round_trip_exactly() {
        for tensor_type in TensorType::ALL {
            let bytes = tensor_type.quantize(&[0.0; 256]).expect("whole blocks");
            let mut back = vec![1.0; 256];
            tensor_type
                .dequantize(&bytes, &mut back)
                .expect("whole blocks");
            assert!(back.iter().all(|&x| x == 0.0), "{tensor_type}: {back:?}");
        }
    }

    #[test]
    fn quantize_rejects_partial_blocks() {
        assert!(TensorType::Q4_0.quantize(&[0.0; 33]).is_err());
    }
}
