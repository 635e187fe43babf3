//! Rows of a step.

use llamaglass_shaders::ATTENTION_TILE_ROWS;

/// Alignment of consecutive rows of one sequence within a step.
pub const TILE_ROWS: usize = ATTENTION_TILE_ROWS;

/// Rows of a step that get logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// None, for a prefill chunk that is not the last.
    None,
    /// The last row.
    Last,
    /// All rows.
    All,
}

/// One row of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRow {
    /// Token id.
    pub id: u32,
    /// Position in the sequence.
    pub position: usize,
    /// Slot of the sequence; `None` if the row only fills a tile.
    pub slot: Option<usize>,
}

const FILLER: NextRow = NextRow {
    id: 0,
    position: 0,
    slot: None,
};

/// Rows of a step, part by part; parts of several rows come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextRows {
    rows: Vec<NextRow>,
    /// Number of rows in parts of several rows, including fillers between them.
    tiled: usize,
    /// Indices of the rows that sample.
    samples: Vec<usize>,
}

impl NextRows {
    /// Appends a part. Parts of several ids must come before those of one.
    pub fn push(&mut self, slot: usize, first: usize, ids: &[u32], samples: bool) {
        let several = ids.len() > 1;
        if several {
            let begin = self.rows.len().next_multiple_of(TILE_ROWS);
            self.rows.resize(begin, FILLER);
        }
        let slot = Some(slot);
        let row = |(position, id): (usize, &u32)| NextRow {
            id: *id,
            position,
            slot,
        };
        self.rows.extend((first..).zip(ids).map(row));
        if several {
            self.tiled = self.rows.len();
        }
        if samples {
            self.samples.push(self.rows.len() - 1);
        }
    }

    /// Returns the rows.
    pub fn rows(&self) -> &[NextRow] {
        &self.rows
    }

    /// Returns the indices of the rows that sample, in order.
    pub fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// Returns true if the device can make the next step's rows from the samples: one row samples, or all do.
    pub fn chains(&self) -> bool {
        self.samples.len() == 1 || self.samples.iter().copied().eq(0..self.rows.len())
    }

    /// Returns the numbers of rows by kind.
    pub fn count(&self) -> Rows {
        let count = self.samples.len();
        let first = self.samples.first().copied().unwrap_or(0);
        let in_order = self.samples.iter().copied().eq(first..first + count);
        Rows {
            tiled: self.tiled,
            single: self.rows.len() - self.tiled,
            samples: count,
            first_sample: in_order.then_some(first),
        }
    }
}

/// Numbers of rows in a step, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Rows in parts of several rows, including fillers.
    pub tiled: usize,
    /// Single rows, which follow the tiled ones.
    pub single: usize,
    /// Number of rows that sample.
    pub samples: usize,
    /// Index of the first row that samples, if those rows are consecutive.
    pub first_sample: Option<usize>,
}

impl Rows {
    /// Returns the counts for one row of each of `count` sequences, all of which sample.
    pub const fn decode(count: usize) -> Self {
        Self {
            tiled: 0,
            single: count,
            samples: count,
            first_sample: Some(0),
        }
    }

    /// Returns the counts for `count` rows of one sequence, of which the last samples.
    pub const fn prompt(count: usize) -> Self {
        if count <= 1 {
            return Self::decode(count);
        }
        Self {
            tiled: count,
            single: 0,
            samples: 1,
            first_sample: Some(count - 1),
        }
    }

    /// Total number of rows.
    pub const fn total(self) -> usize {
        self.tiled + self.single
    }

    /// Returns true if every row is single and samples.
    pub const fn is_decode(self) -> bool {
        self.tiled == 0 && self.samples == self.single
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_align_parts_to_tiles_and_put_single_rows_last() {
        let mut rows = NextRows::default();
        rows.push(3, 5, &[7; TILE_ROWS + 1], true);
        assert_eq!(rows.count(), Rows::prompt(TILE_ROWS + 1));
        rows.push(1, 0, &[8, 9], false);
        rows.push(0, 40, &[6], true);
        rows.push(2, 41, &[5], true);
        let tiled = 2 * TILE_ROWS + 2;
        assert_eq!(rows.samples(), [TILE_ROWS, tiled, tiled + 1]);
        assert_eq!(
            rows.count(),
            Rows {
                tiled,
                single: 2,
                samples: 3,
                first_sample: None
            }
        );
        assert!(!rows.chains());
        let slots: Vec<Option<usize>> = rows.rows().iter().map(|row| row.slot).collect();
        assert_eq!(slots[TILE_ROWS], Some(3));
        assert_eq!(slots[TILE_ROWS + 1..2 * TILE_ROWS], [None; TILE_ROWS - 1]);
        assert_eq!(slots[tiled..], [Some(0), Some(2)]);
        let mut decode = NextRows::default();
        decode.push(0, 9, &[1], true);
        decode.push(1, 3, &[2], true);
        assert_eq!(decode.count(), Rows::decode(2));
        assert!(decode.chains() && decode.count().is_decode());
    }
}
