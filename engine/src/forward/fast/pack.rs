//! Packs rows of stored blocks into the words that the kernels read. The bits only change order, except in
//! rows whose type differs from their matrix's, which become f32.

use llamaglass_shaders::Format;

use super::super::format::format;
use crate::weights::{TensorType, WeightsError, scale_min};

/// A matrix that is being packed row by row.
pub struct Packed {
    /// Format of its values.
    pub format: Format,
    /// Blocks per row.
    pub blocks: usize,
    /// Values per row.
    columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Quantised values.
    pub quants: Vec<u32>,
    /// Scales and everything else that belongs to the values.
    pub scales: Vec<u32>,
}

impl Packed {
    /// Creates a matrix of zeros.
    pub fn new(format: Format, rows: usize, columns: usize) -> Self {
        let blocks = Format::blocks(columns);
        Self {
            format,
            blocks,
            columns,
            rows,
            quants: vec![0; rows * format.quant_words(blocks)],
            scales: vec![0; rows * format.scale_words(blocks)],
        }
    }

    /// Packs `stored`, rows of `tensor_type`. `row_of` maps each row's index to its row in the matrix.
    ///
    /// # Errors
    /// [`WeightsError::BlockSize`] if `stored` is not a whole number of rows.
    pub fn put_rows(
        &mut self,
        tensor_type: TensorType,
        stored: &[u8],
        row_of: impl Fn(usize) -> usize,
    ) -> Result<(), WeightsError> {
        let row_bytes = self.columns / tensor_type.block_len() * tensor_type.block_bytes();
        let mut values = vec![0.0; self.columns];
        let as_is = format(tensor_type) == self.format;
        for (row, stored) in stored.chunks(row_bytes).enumerate() {
            let row = row_of(row);
            let words = self.format.quant_words(self.blocks);
            let quants = &mut self.quants[row * words..(row + 1) * words];
            let words = self.format.scale_words(self.blocks);
            let scales = &mut self.scales[row * words..(row + 1) * words];
            if as_is && stored.len() == row_bytes {
                pack_row(tensor_type, stored, quants, scales);
            } else {
                // Also reports a row that is too short.
                tensor_type.dequantize(stored, &mut values)?;
                for (word, value) in quants.iter_mut().zip(&values) {
                    *word = value.to_bits();
                }
            }
        }
        Ok(())
    }
}

/// Packs one row. `quants` and `scales` must be zero.
fn pack_row(tensor_type: TensorType, stored: &[u8], quants: &mut [u32], scales: &mut [u32]) {
    use TensorType as T;
    let blocks = stored.chunks_exact(tensor_type.block_bytes()).enumerate();
    match tensor_type {
        T::F32 | T::F16 | T::BF16 => words(stored, quants),
        T::Q8_0 => {
            for (i, block) in blocks {
                scales[i / 2] |= half(block) << (16 * (i & 1));
                words(&block[2..], &mut quants[8 * i..]);
            }
            // Maps -128..=127 to 0..=255.
            quants.iter_mut().for_each(|word| *word ^= 0x8080_8080);
        }
        T::Q4_0 => {
            for (i, block) in blocks {
                scales[i / 2] |= half(block) << (16 * (i & 1));
                words(&block[2..], &mut quants[4 * i..]);
            }
        }
        T::Q4_1 => {
            for (i, block) in blocks {
                words(&block[..4], &mut scales[i..]);
                words(&block[4..], &mut quants[4 * i..]);
            }
        }
        T::Q5_0 => {
            for (i, block) in blocks {
                let at = i / 2 * 3;
                scales[at] |= half(block) << (16 * (i & 1));
                scales[at + 1 + (i & 1)] = fifths(|j| u32::from(block[2 + j / 8]) >> (j % 8));
                words(&block[6..], &mut quants[4 * i..]);
            }
        }
        T::Q5_1 => {
            for (i, block) in blocks {
                words(&block[..4], &mut scales[2 * i..]);
                scales[2 * i + 1] = fifths(|j| u32::from(block[4 + j / 8]) >> (j % 8));
                words(&block[8..], &mut quants[4 * i..]);
            }
        }
        T::Q4K => {
            for (i, block) in blocks {
                k_scales(block, &mut scales[5 * i..]);
                k_nibbles(&block[16..], &mut quants[32 * i..]);
            }
        }
        T::Q5K => {
            for (i, block) in blocks {
                let scales = &mut scales[13 * i..];
                k_scales(block, scales);
                for (group, word) in scales[5..13].iter_mut().enumerate() {
                    *word = fifths(|j| u32::from(block[16 + j]) >> group);
                }
                k_nibbles(&block[48..], &mut quants[32 * i..]);
            }
        }
        T::Q6K => {
            for (i, block) in blocks {
                q6_k(block, &mut quants[32 * i..], &mut scales[21 * i..]);
            }
        }
    }
}

/// Converts bytes to words, low byte first. The last word may be incomplete.
fn words(bytes: &[u8], to: &mut [u32]) {
    for (word, bytes) in to.iter_mut().zip(bytes.chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_le_bytes(four);
    }
}

/// Returns the bits of the f16 at the start of a block.
fn half(block: &[u8]) -> u32 {
    u32::from(block[0]) | u32::from(block[1]) << 8
}

/// Collects fifth bits, each the lowest bit of `bit`, in the positions that the kernels expect.
fn fifths(bit: impl Fn(usize) -> u32) -> u32 {
    (0..32).fold(0, |word, j| word | (bit(j) & 1) << (8 * (j % 4) + j / 4))
}

/// Packs the nibbles of a block's 32 values into four words.
fn nibbles(nibble: impl Fn(usize) -> u32, to: &mut [u32]) {
    for j in 0..32 {
        to[j % 16 / 4] |= (nibble(j) & 15) << (8 * (j % 4) + 4 * (j / 16));
    }
}

/// Packs the scales of Q4_K and Q5_K for eight blocks into five words.
fn k_scales(block: &[u8], scales: &mut [u32]) {
    words(&block[..4], scales);
    for group in 0..8 {
        let (scale, min) = scale_min(group, &block[4..16]);
        let both = u32::from(scale) | u32::from(min) << 8;
        scales[1 + group / 2] |= both << (16 * (group & 1));
    }
}

/// Packs the nibbles of Q4_K and Q5_K: 32 bytes hold one block in their low halves and the next in their
/// high.
fn k_nibbles(quants: &[u8], to: &mut [u32]) {
    for group in 0..8 {
        let bytes = &quants[group / 2 * 32..];
        let shift = 4 * (group & 1);
        nibbles(|j| u32::from(bytes[j]) >> shift, &mut to[4 * group..]);
    }
}

/// Packs a block of Q6_K (eight of ours): 128 bytes of low nibbles, 64 of upper bits, 16 scales, d.
fn q6_k(block: &[u8], quants: &mut [u32], scales: &mut [u32]) {
    scales[0] = half(&block[208..]);
    words(&block[192..208], &mut scales[1..5]);
    for run in 0..8 {
        // Four runs of 32 values share 64 bytes of nibbles and 32 bytes of upper bits.
        let (fours, run_of_four) = (run / 4, run % 4);
        let lows = &block[64 * fours + 32 * (run_of_four & 1)..];
        let shift = 4 * (run_of_four / 2);
        nibbles(|j| u32::from(lows[j]) >> shift, &mut quants[4 * run..]);
        let uppers = &block[128 + 32 * fours..];
        for j in 0..32 {
            let bits = u32::from(uppers[j]) >> (2 * run_of_four) & 3;
            scales[5 + 2 * run + j / 16] |= bits << (8 * (j % 4) + 2 * (j % 16 / 4));
        }
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_shaders::cpu::unpack;

    use super::*;

    #[test]
    fn put_rows_packs_every_type_without_loss() {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for tensor_type in TensorType::ALL {
            // Three rows, each with an odd number of blocks if the type allows it.
            let columns = 3 * tensor_type.block_len().max(32);
            let row_bytes = columns / tensor_type.block_len() * tensor_type.block_bytes();
            let mut stored: Vec<u8> = (0..3 * row_bytes).map(|_| byte()).collect();
            tame(tensor_type, &mut stored);
            let mut packed = Packed::new(format(tensor_type), 3, columns);
            packed
                .put_rows(tensor_type, &stored, |row| 2 - row)
                .expect("whole rows");
            let mut wanted = vec![0.0; 3 * columns];
            tensor_type
                .dequantize(&stored, &mut wanted)
                .expect("whole blocks");
            let quants = packed.quants.chunks_exact(packed.quants.len() / 3);
            let words = packed.scales.len() / 3;
            for (row, quants) in quants.enumerate() {
                let scales = &packed.scales[row * words..(row + 1) * words];
                let got = unpack(packed.format, quants, scales);
                let wanted = &wanted[(2 - row) * columns..(3 - row) * columns];
                for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
                    let close = (got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3);
                    assert!(close, "{tensor_type} row {row}, {i}: {got}, not {wanted}");
                }
            }
        }
    }

    /// Makes halves and floats finite, with moderate magnitudes.
    fn tame(tensor_type: TensorType, stored: &mut [u8]) {
        let mut half_at = |every: usize, at: usize| {
            for block in stored.chunks_exact_mut(every) {
                // 0.5 to 2, either sign.
                block[at + 1] = block[at + 1] & 0x83 | 0x38;
            }
        };
        match tensor_type {
            TensorType::F32 => half_at(4, 2),
            TensorType::F16 | TensorType::BF16 => half_at(2, 0),
            TensorType::Q6K => half_at(210, 208),
            _ => {
                half_at(tensor_type.block_bytes(), 0);
                if matches!(
                    tensor_type,
                    TensorType::Q4_1 | TensorType::Q5_1 | TensorType::Q4K | TensorType::Q5K
                ) {
                    half_at(tensor_type.block_bytes(), 2);
                }
            }
        }
    }

    #[test]
    fn put_rows_converts_a_row_of_another_type_to_f32() {
        let stored: Vec<u8> = [0x3c00u16, 0xc000]
            .iter()
            .flat_map(|h| h.to_le_bytes())
            .collect();
        let mut packed = Packed::new(Format::F32, 1, 2);
        packed
            .put_rows(TensorType::F16, &stored, |row| row)
            .expect("a row");
        assert_eq!(
            unpack(Format::F32, &packed.quants, &[])[..3],
            [1.0, -2.0, 0.0]
        );
        assert!(
            packed
                .put_rows(TensorType::F16, &stored[1..], |row| row)
                .is_err()
        );
    }
}
