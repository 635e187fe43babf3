//! What `step`, the buffer that says which rows a step computes, holds: words in the order of
//! `wgsl/step.wgsl`.

use std::iter::repeat;

/// Words before the rows.
pub const HEAD_WORDS: usize = 4;
/// The word of the head that is the list of blocks of rows that fill a tile: a block that is nobody's.
pub const NO_BLOCKS: u32 = 3;
/// Words of a row.
pub const ROW_WORDS: usize = 5;

/// A row of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is looked up in the embedding.
    pub id: u32,
    /// Where in its sequence it is.
    pub position: u32,
    /// The word of `step` from which on its sequence's blocks of the cache are listed.
    pub blocks: u32,
    /// Its sequence's place in what picks keep for each.
    pub slot: u32,
}

/// The words of a step of `rows`; `picks` are the rows that are picked from. `chains` is whether picks
/// make the step after: where there is one pick, or one of every row, in order.
pub fn words(rows: &[Row], picks: &[usize], chains: bool) -> Vec<u32> {
    let head = [rows.len() as u32, picks.len() as u32, chains.into(), 0];
    let picks = picks.iter().map(|row| *row as u32).chain(repeat(0));
    let rows = rows
        .iter()
        .zip(picks)
        .flat_map(|(row, pick)| [row.id, row.position, row.blocks, row.slot, pick]);
    head.into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_constants_are_these() {
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
