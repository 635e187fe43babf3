//! Matrices as they are stored, with the words of 16 rows side by side.

use llamaglass_shaders::{BLOCK, Format, pack_row};

use crate::pool::Pool;
use crate::split::for_each_chunk;
use crate::work::Work;

/// Number of rows in a group.
pub const GROUP: usize = 16;

/// The same word of the 16 rows of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct RowWords(pub [u32; GROUP]);

/// A matrix [OUT, IN] in the words of [`pack_row`], transposed in groups of 16 rows: a vector register holds
/// the same word of several rows, and no row has to be summed up across lanes.
///
/// Bytes of Q8_0 are signed here. Rows and columns beyond OUT and IN are zero.
#[derive(Debug)]
pub struct Matrix {
    /// Format of the values.
    pub format: Format,
    /// OUT: number of rows.
    pub rows: usize,
    /// IN: number of columns.
    pub columns: usize,
    /// Blocks of 32 columns per row.
    pub blocks: usize,
    quants: Vec<RowWords>,
    scales: Vec<RowWords>,
}

/// A group of 16 rows.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Number of blocks per row.
    pub blocks: usize,
    /// Words of the numbers, block by block.
    pub quants: &'a [RowWords],
    /// Words of the scales.
    pub scales: &'a [RowWords],
}

/// Order of a matrix's rows, compared with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// As stored.
    Stored,
    /// Each head of this many rows is stored in halves that are rotated together; rows i and i + D/2 become 2i
    /// and 2i + 1.
    HalvesToPairs(usize),
}

impl RowOrder {
    /// Returns the stored row that becomes `row`.
    const fn stored(self, row: usize) -> usize {
        match self {
            Self::Stored => row,
            Self::HalvesToPairs(dim) => {
                let (head, i) = (row / dim, row % dim);
                head * dim + i / 2 + i % 2 * (dim / 2)
            }
        }
    }

    /// Returns `values`, one per row, in this order.
    pub fn apply(self, values: &[f32]) -> Vec<f32> {
        (0..values.len())
            .map(|row| values[self.stored(row)])
            .collect()
    }
}

impl Matrix {
    /// Packs `stored`, whose rows have `columns` values of `format`; the pool's threads share the work. Returns
    /// `None` if `stored` is not a whole number of rows.
    pub fn pack(
        format: Format,
        columns: usize,
        stored: &[u8],
        order: RowOrder,
        pool: &Pool,
    ) -> Option<Self> {
        let rows = Self::stored_rows(format, columns, stored.len())?;
        let row_bytes = stored.len().checked_div(rows).unwrap_or(0);
        let groups = rows.div_ceil(GROUP);
        let blocks = Format::blocks(columns);
        let (quant_words, scale_words) = (format.quant_words(blocks), format.scale_words(blocks));
        let mut matrix = Self {
            format,
            rows,
            columns,
            blocks,
            quants: vec![RowWords::default(); groups * quant_words],
            scales: vec![RowWords::default(); groups * scale_words],
        };
        // Both vectors are split into groups; without scales there is nothing to split.
        let mut groups: Vec<_> = if scale_words == 0 {
            let quants = matrix.quants.chunks_exact_mut(quant_words);
            quants.map(|quants| (quants, &mut [][..])).collect()
        } else {
            let scales = matrix.scales.chunks_exact_mut(scale_words);
            matrix
                .quants
                .chunks_exact_mut(quant_words)
                .zip(scales)
                .collect()
        };
        let mut row_buffers = vec![(vec![0; quant_words], vec![0; scale_words]); pool.capacity()];
        for_each_chunk(
            pool,
            4,
            &mut groups,
            1,
            &mut row_buffers,
            |(q, s), index, group| {
                let [(quants, scales)] = group else { return };
                for lane in 0..GROUP.min(rows - index * GROUP) {
                    let row = order.stored(index * GROUP + lane);
                    q.fill(0);
                    s.fill(0);
                    pack_row(format, &stored[row * row_bytes..][..row_bytes], q, s);
                    if format == Format::Q8_0 {
                        q.iter_mut().for_each(|word| *word ^= 0x8080_8080);
                    }
                    quants
                        .iter_mut()
                        .zip(&*q)
                        .for_each(|(to, word)| to.0[lane] = *word);
                    scales
                        .iter_mut()
                        .zip(&*s)
                        .for_each(|(to, word)| to.0[lane] = *word);
                }
            },
        );
        Some(matrix)
    }

    /// Returns the number of rows of `columns` values in `bytes` bytes of `format`; `None` if rows are not whole
    /// blocks, or bytes are left over.
    pub fn stored_rows(format: Format, columns: usize, bytes: usize) -> Option<usize> {
        let (values, block_bytes) = format.stored_block();
        let row_bytes = columns / values * block_bytes;
        let is_whole =
            row_bytes > 0 && columns.is_multiple_of(values) && bytes.is_multiple_of(row_bytes);
        is_whole.then(|| bytes / row_bytes)
    }

    /// Number of groups of 16 rows.
    pub const fn groups(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }

    /// Returns a group.
    #[inline]
    pub fn group(&self, index: usize) -> Group<'_> {
        let quants = self.format.quant_words(self.blocks);
        let scales = self.format.scale_words(self.blocks);
        Group {
            blocks: self.blocks,
            quants: &self.quants[index * quants..(index + 1) * quants],
            scales: &self.scales[index * scales..(index + 1) * scales],
        }
    }

    /// Size in memory, in bytes.
    pub const fn bytes(&self) -> usize {
        (self.quants.len() + self.scales.len()) * size_of::<RowWords>()
    }

    /// Work of a product of `rows` rows with this matrix.
    pub const fn work(&self, rows: usize) -> Work {
        Work::product(rows, self.bytes(), [self.rows, self.columns])
    }

    /// Number of columns including the zeros after the last one.
    pub const fn padded_columns(&self) -> usize {
        self.blocks * BLOCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_to_pairs_interleaves_the_halves_of_each_head() {
        let order = RowOrder::HalvesToPairs(4);
        let rows: Vec<usize> = (0..8).map(|row| order.stored(row)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn pack_rejects_incomplete_rows() {
        let pool = Pool::new(1);
        for (columns, bytes) in [(32, 17), (33, 18), (0, 18)] {
            let stored = vec![0; bytes];
            assert!(
                Matrix::pack(Format::Q4_0, columns, &stored, RowOrder::Stored, &pool).is_none()
            );
        }
    }
}
