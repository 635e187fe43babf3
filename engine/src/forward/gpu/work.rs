//! Minimum work of a launch, to compare its time with.

/// Minimum bytes that a launch must read and write, each counted once, and its f32 operations; a multiply-add
/// counts as two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes that do not depend on the position.
    pub bytes: u64,
    /// Operations that do not depend on the position.
    pub flop: u64,
    /// Bytes per position that the step's rows attend to.
    pub bytes_per_position: u64,
    /// Operations per position that a row attends to, summed over rows.
    pub flops_per_position: u64,
}

impl Work {
    /// Returns the bytes and operations for `rows` rows of one sequence, the first at `position`.
    pub const fn at(&self, position: usize, rows: usize) -> [u64; 2] {
        let (position, rows) = (position as u64, rows as u64);
        let seen = position + rows;
        // Sum of 1 + position, .., rows + position.
        let by_rows = rows * position + rows * (rows + 1) / 2;
        [
            self.bytes + self.bytes_per_position * seen,
            self.flop + self.flops_per_position * by_rows,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_grows_with_the_positions_seen() {
        let work = Work {
            bytes: 1,
            flop: 2,
            bytes_per_position: 10,
            flops_per_position: 100,
        };
        // Rows at 4, 5 and 6 see 5, 6 and 7 positions.
        assert_eq!(work.at(4, 3), [71, 1802]);
        assert_eq!(work.at(0, 1), [11, 102]);
    }
}
