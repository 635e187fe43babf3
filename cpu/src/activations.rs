//! Rows that are multiplied by a matrix, arranged for the kernels.

use llamaglass_shaders::BLOCK;

/// Sizes of tiles that every instruction set has; those with 32 registers also have [`LARGE_TILE`].
pub const SMALL_TILES: [usize; 2] = [1, 4];
/// Rows per tile with 32 registers.
pub const LARGE_TILE: usize = 8;

/// Rows x [T, IN] in tiles of equal size. In a tile, the same column of all rows is adjacent, and the sums of each
/// half block of 16 columns follow the columns. Rows and columns beyond T and IN are zero.
#[derive(Debug, Default)]
pub struct Activations {
    tile: usize,
    rows: usize,
    columns: usize,
    data: Vec<f32>,
}

impl Activations {
    /// Creates space for tiles of up to `rows` rows of `columns` columns.
    pub fn new(rows: usize, columns: usize) -> Self {
        // The last tile may be incomplete.
        let values = (rows + LARGE_TILE) * record(columns.next_multiple_of(BLOCK));
        Self {
            tile: 1,
            rows: 0,
            columns: 0,
            data: vec![0.0; values],
        }
    }

    /// Sets the dimensions. The values stay what they were.
    pub fn resize(&mut self, rows: usize, columns: usize, tile: usize) {
        self.tile = tile;
        self.rows = rows;
        self.columns = columns.next_multiple_of(BLOCK);
        debug_assert!(self.tiles() * self.tile_len() <= self.data.len());
    }

    /// Rows per tile.
    pub const fn tile(&self) -> usize {
        self.tile
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of rows including those that fill the last tile.
    pub const fn padded_rows(&self) -> usize {
        self.tiles() * self.tile
    }

    /// Number of tiles.
    pub const fn tiles(&self) -> usize {
        self.rows.div_ceil(self.tile)
    }

    /// Number of columns, a whole number of blocks.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Number of values per tile.
    pub const fn tile_len(&self) -> usize {
        self.tile * record(self.columns)
    }

    /// All tiles, for writing.
    pub fn tiles_mut(&mut self) -> &mut [f32] {
        let len = self.tiles() * self.tile_len();
        &mut self.data[..len]
    }

    /// Returns the columns and the half blocks' sums of each tile of T rows.
    #[inline(always)]
    pub fn iter<const T: usize>(&self) -> impl Iterator<Item = Tile<'_, T>> {
        let tiles = self.data.chunks_exact(self.tile_len().max(1));
        tiles.take(self.tiles()).map(|tile| {
            let (columns, sums) = tile.split_at(T * self.columns);
            Tile {
                columns: columns.as_chunks::<T>().0.as_chunks::<BLOCK>().0,
                sums: sums.as_chunks::<T>().0.as_chunks::<2>().0,
            }
        })
    }
}

/// A tile of T rows, block by block.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a, const T: usize> {
    /// Values of each column.
    pub columns: &'a [[[f32; T]; BLOCK]],
    /// Sums of the columns of each half block.
    pub sums: &'a [[[f32; T]; 2]],
}

/// Number of values of a row: its columns, and the sums of its half blocks.
const fn record(columns: usize) -> usize {
    columns + columns / (BLOCK / 2)
}

/// Writes `row` as row `index` of a `tile` of `rows` rows, with zeros behind it and the sums of its half blocks.
pub fn write_row(tile: &mut [f32], rows: usize, index: usize, row: &[f32]) {
    let columns = row.len().next_multiple_of(BLOCK);
    let (to, sums) = tile.split_at_mut(columns * rows);
    for (to, value) in to.iter_mut().skip(index).step_by(rows).zip(row) {
        *to = *value;
    }
    for to in to.iter_mut().skip(row.len() * rows + index).step_by(rows) {
        *to = 0.0;
    }
    let sums = sums.iter_mut().skip(index).step_by(rows);
    for (sum, half) in sums.zip(row.chunks(BLOCK / 2)) {
        // Four partial sums, which the compiler adds as a vector.
        let mut parts = [0.0; 4];
        for (i, value) in half.iter().enumerate() {
            parts[i % 4] += value;
        }
        *sum = (parts[0] + parts[2]) + (parts[1] + parts[3]);
    }
}

/// Returns the best size of tiles for `rows` rows if the largest is `largest`.
///
/// A tile costs about three instructions per number to read the weights, and one per row.
pub fn best_tile(rows: usize, largest: usize) -> usize {
    let cost = |tile: usize| rows.div_ceil(tile) * (tile + 3);
    let sizes = SMALL_TILES.into_iter().chain([LARGE_TILE]);
    let sizes = sizes.filter(|tile| *tile <= largest);
    sizes.min_by_key(|tile| cost(*tile)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_interleaved_and_padded() {
        let mut x = Activations::new(2, 20);
        x.resize(2, 20, 4);
        x.data.fill(9.0);
        let len = x.tile_len();
        for (index, value) in [(0, 1.0), (1, 2.0), (2, 0.0), (3, 0.0)] {
            write_row(&mut x.tiles_mut()[..len], 4, index, &[value; 20]);
        }
        let tile = x.iter::<4>().next().expect("a tile");
        assert_eq!((tile.columns.len(), tile.sums.len()), (1, 1));
        assert_eq!(tile.columns[0][..20], [[1.0, 2.0, 0.0, 0.0]; 20]);
        assert_eq!(tile.columns[0][20..], [[0.0; 4]; 12]);
        assert_eq!(tile.sums[0][0], [16.0, 32.0, 0.0, 0.0]);
        assert_eq!(tile.sums[0][1], [4.0, 8.0, 0.0, 0.0]);
    }

    #[test]
    fn best_tile_wastes_few_rows() {
        let sizes = [1, 2, 4, 5, 8, 9, 13, 128].map(|rows| best_tile(rows, 8));
        assert_eq!(sizes, [1, 4, 4, 8, 8, 4, 8, 8]);
        assert_eq!([1, 2, 128].map(|rows| best_tile(rows, 4)), [1, 4, 4]);
    }
}
