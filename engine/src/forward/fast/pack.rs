//! Packs rows of stored blocks into the words that the kernels read. The bits only change order, except in
//! rows whose type differs from their matrix's, which become f32.

use llamaglass_shaders::{Format, pack_row};

use super::super::format::format;
use crate::weights::{TensorType, WeightsError};

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
                pack_row(self.format, stored, quants, scales);
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
