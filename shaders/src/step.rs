//! Encodes `step`, the buffer that describes the rows of a step. Its words are in the order of
//! `wgsl/step.wgsl`.

use std::iter::repeat;

/// Number of words before the rows.
pub const HEAD_WORDS: usize = 4;
/// Word of the head that is the block table of rows that pad a tile. It is 0, a block that no sequence owns.
pub const NULL_BLOCK_TABLE: u32 = 3;
/// Number of words per row.
pub const ROW_WORDS: usize = 5;

/// A row of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Token id to look up in the embedding.
    pub id: u32,
    /// Position in its sequence.
    pub position: u32,
    /// Word of `step` at which its sequence's block table begins.
    pub blocks: u32,
    /// Slot of its sequence in the sampling state.
    pub slot: u32,
}

/// Returns the words of a step of `rows`; `samples` are the rows to sample from. If the step is `chained`, the
/// samples form the next step, which requires a single sample or one of every row, in order.
pub fn words(rows: &[Row], samples: &[usize], chained: bool) -> Vec<u32> {
    let head = [rows.len() as u32, samples.len() as u32, chained.into(), 0];
    let samples = samples.iter().map(|row| *row as u32).chain(repeat(0));
    let rows = rows
        .iter()
        .zip(samples)
        .flat_map(|(row, sample)| [row.id, row.position, row.blocks, row.slot, sample]);
    head.into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_match_the_wgsl() {
        let source = include_str!("../wgsl/step.wgsl");
        for line in [
            format!("const STEP_FIRST: u32 = {HEAD_WORDS}u;"),
            format!("const STEP_ROW: u32 = {ROW_WORDS}u;"),
        ] {
            assert!(source.contains(&line), "{line}");
        }
        let row = Row {
            id: 5,
            position: 6,
            blocks: 7,
            slot: 8,
        };
        assert_eq!(words(&[row], &[0], true), [1, 1, 1, 0, 5, 6, 7, 8, 0]);
        let two = [2, 1, 0, 0, 5, 6, 7, 8, 1, 5, 6, 7, 8, 0];
        assert_eq!(words(&[row, row], &[1], false), two);
    }
}
