// Which rows a step computes. A kernel that includes this has `step`:
// T, how many picks there are, whether they make the next step, a word that is 0; for each row its
// id, position, where in `step` its sequence's blocks are listed, the sequence's slot, and the row
// from which the pick of the same number is; those lists. Rows that fill a tile are at position 0 of
// block 0, which belongs to nobody: their list is that word.

const STEP_ROWS: u32 = 0u;
const STEP_PICKS: u32 = 1u;
const STEP_CHAINS: u32 = 2u;
const STEP_FIRST: u32 = 4u;
const STEP_ROW: u32 = 5u;

const ROW_ID: u32 = 0u;
const ROW_POSITION: u32 = 1u;
const ROW_BLOCKS: u32 = 2u;
const ROW_SLOT: u32 = 3u;
const ROW_PICK: u32 = 4u;

fn row_word(row: u32, word: u32) -> u32 {
    return step[STEP_FIRST + row * STEP_ROW + word];
}

// The row that pick `n` is from.
fn row_of(n: u32) -> u32 { return row_word(n, ROW_PICK); }
