// Describes the rows of a step. A kernel that includes this file has `step`, whose words are:
// - T, the number of samples, whether they make the next step (chained decode), a word that is 0;
// - for each row: its id, its position, where in `step` its sequence's block table begins, the sequence's slot,
//   and the row that the sample with this row's number is taken from;
// - the block tables.
// Rows that pad a tile are at position 0 of block 0, which no sequence owns; the word that is 0 is their
// block table.

const STEP_ROWS: u32 = 0u;
const STEP_SAMPLES: u32 = 1u;
const STEP_CHAINED: u32 = 2u;
const STEP_FIRST: u32 = 4u;
const STEP_ROW: u32 = 5u;

const ROW_ID: u32 = 0u;
const ROW_POSITION: u32 = 1u;
const ROW_BLOCKS: u32 = 2u;
const ROW_SLOT: u32 = 3u;
const ROW_SAMPLE: u32 = 4u;

fn row_word(row: u32, word: u32) -> u32 {
    return step[STEP_FIRST + row * STEP_ROW + word];
}

// Returns the row that sample `n` is taken from.
fn row_of(n: u32) -> u32 { return row_word(n, ROW_SAMPLE); }
