//! What launches have to do at least: what their time is judged by.

/// Bytes that a launch has to read and write at least, each once, and f32 operations, a multiply-add
/// being two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes, whatever the position.
    pub bytes: u64,
    /// Operations, whatever the position.
    pub flop: u64,
    /// Bytes for each position that the step's rows see.
    pub bytes_a_position: u64,
    /// Operations for each position that a row sees.
    pub flop_a_position: u64,
}

impl Work {
    /// That of `rows` rows of one sequence, the first at `position`: bytes and operations.
    pub const fn at(&self, position: usize, rows: usize) -> [u64; 2] {
        let (position, rows) = (position as u64, rows as u64);
        let seen = position + rows;
        // 1 + position, .., rows + position.
        let by_rows = rows * position + rows * (rows + 1) / 2;
        [
            self.bytes + self.bytes_a_position * seen,
            self.flop + self.flop_a_position * by_rows,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rows_see_more() {
        let work = Work {
            bytes: 1,
            flop: 2,
            bytes_a_position: 10,
            flop_a_position: 100,
        };
        // Rows at 4, 5 and 6 see 5, 6 and 7 positions.
        assert_eq!(work.at(4, 3), [71, 1802]);
        assert_eq!(work.at(0, 1), [11, 102]);
    }
}
