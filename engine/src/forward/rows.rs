//! The rows of a step.

use std::iter::repeat_n;

use llamaglass_shaders::ATTENTION_TILE_ROWS;

/// Rows of one sequence that follow each other begin at a multiple of so many.
pub const TILE_ROWS: usize = ATTENTION_TILE_ROWS;

/// A row of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRow {
    /// Its id.
    pub id: u32,
    /// Where in its sequence it is.
    pub position: usize,
    /// Which of the sequences that are cached that is; none where it fills a tile.
    pub slot: Option<usize>,
}

const FILLER: NextRow = NextRow {
    id: 0,
    position: 0,
    slot: None,
};

/// The rows of a step, part by part: first the parts that have several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextRows {
    rows: Vec<NextRow>,
    /// How many rows of parts that have several there are, with those that fill tiles between them.
    tiled: usize,
    /// The rows that are picked from.
    picks: Vec<usize>,
}

impl NextRows {
    /// The rows of one sequence from position `first` on; the last is picked from where it `picks`.
    pub fn of(slot: usize, first: usize, ids: &[u32], picks: bool) -> Self {
        let mut rows = Self::default();
        rows.push(slot, first, ids, picks);
        rows
    }

    /// Adds a part. Those of several ids come before those of one.
    pub fn push(&mut self, slot: usize, first: usize, ids: &[u32], picks: bool) {
        self.push_padded(slot, first, (ids, 0), picks);
    }

    /// The same with `pads` rows behind it that are only computed: what is picked from is the last id's.
    pub fn push_padded(
        &mut self,
        slot: usize,
        first: usize,
        (ids, pads): (&[u32], usize),
        picks: bool,
    ) {
        let several = ids.len() + pads > 1;
        if several {
            let begin = self.rows.len().next_multiple_of(TILE_ROWS);
            self.rows.resize(begin, FILLER);
        }
        let slot = Some(slot);
        let row = |(position, id): (usize, u32)| NextRow { id, position, slot };
        let ids = ids.iter().copied().chain(repeat_n(FILLER.id, pads));
        self.rows.extend((first..).zip(ids).map(row));
        if several {
            self.tiled = self.rows.len();
        }
        if picks {
            self.picks.push(self.rows.len() - pads - 1);
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[NextRow] {
        &self.rows
    }

    /// Which of them are picked from, in order.
    pub fn picks(&self) -> &[usize] {
        &self.picks
    }

    /// Whether the device can make the next step's rows from the picks: of one, or of every row.
    pub fn chains(&self) -> bool {
        self.picks.len() == 1 || self.picks.iter().copied().eq(0..self.rows.len())
    }

    /// How many rows of what.
    pub fn count(&self) -> Rows {
        let count = self.picks.len();
        let first = self.picks.first().copied().unwrap_or(0);
        let in_order = self.picks.iter().copied().eq(first..first + count);
        Rows {
            tiled: self.tiled,
            single: self.rows.len() - self.tiled,
            picks: count,
            first_pick: in_order.then_some(first),
        }
    }
}

/// How many rows of what a step has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Rows of parts that have several, with those that fill tiles.
    pub tiled: usize,
    /// After them, rows that are alone.
    pub single: usize,
    /// How many are picked from.
    pub picks: usize,
    /// The first of these, where they follow each other.
    pub first_pick: Option<usize>,
}

impl Rows {
    /// One row of each of so many sequences, all picked from.
    pub const fn decode(count: usize) -> Self {
        Self {
            tiled: 0,
            single: count,
            picks: count,
            first_pick: Some(0),
        }
    }

    /// So many rows of one sequence, the last picked from.
    pub const fn prompt(count: usize) -> Self {
        if count <= 1 {
            return Self::decode(count);
        }
        Self {
            tiled: count,
            single: 0,
            picks: 1,
            first_pick: Some(count - 1),
        }
    }

    /// All of them.
    pub const fn total(self) -> usize {
        self.tiled + self.single
    }

    /// Whether every row is alone, and picked from.
    pub const fn is_decode(self) -> bool {
        self.tiled == 0 && self.picks == self.single
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_at_tiles_and_single_rows_follow() {
        let mut rows = NextRows::of(3, 5, &[7; TILE_ROWS + 1], true);
        assert_eq!(
            rows.count(),
            Rows {
                tiled: 17,
                single: 0,
                picks: 1,
                first_pick: Some(16)
            }
        );
        rows.push(1, 0, &[8, 9], false);
        rows.push(0, 40, &[6], true);
        rows.push(2, 41, &[5], true);
        let tiled = 2 * TILE_ROWS + 2;
        assert_eq!(rows.picks(), [TILE_ROWS, tiled, tiled + 1]);
        assert_eq!(
            rows.count(),
            Rows {
                tiled,
                single: 2,
                picks: 3,
                first_pick: None
            }
        );
        assert!(!rows.chains());
        let slots: Vec<Option<usize>> = rows.rows().iter().map(|row| row.slot).collect();
        assert_eq!(slots[TILE_ROWS], Some(3));
        assert!(
            slots[TILE_ROWS + 1..2 * TILE_ROWS]
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(slots[tiled..], [Some(0), Some(2)]);
        let mut decode = NextRows::of(0, 9, &[1], true);
        decode.push(1, 3, &[2], true);
        assert_eq!(decode.count(), Rows::decode(2));
        assert!(decode.chains() && decode.count().is_decode());
    }
}
