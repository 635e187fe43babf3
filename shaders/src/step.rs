//! What `step`, the buffer that says which rows a step computes, holds: words in the order of
//! `wgsl/step.wgsl`.

/// Words before the rows.
pub const HEAD_WORDS: usize = 4;
/// Words of a row.
pub const ROW_WORDS: usize = 4;

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

/// The words of a step of `rows`, of which the last `picks` are picked from. `chains` is whether picks
/// make the step after: one of as many rows as picks, which are one or all of the rows.
pub fn words(rows: &[Row], picks: usize, chains: bool) -> Vec<u32> {
    let head = [rows.len() as u32, picks as u32, chains.into(), 0];
    let rows = rows
        .iter()
        .flat_map(|row| [row.id, row.position, row.blocks, row.slot]);
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
        assert_eq!(words(&[row], 1, true), [1, 1, 1, 0, 5, 6, 7, 8]);
    }
}
