// Which rows a step computes. A kernel that includes this has `step`:
// T, how many of the last rows are picked from, whether picks make the next step, a word that is
// spare; for each row its id, position, where in `step` its sequence's blocks are listed, and the
// sequence's slot; those lists.

const STEP_ROWS: u32 = 0u;
const STEP_PICKS: u32 = 1u;
const STEP_CHAINS: u32 = 2u;
const STEP_FIRST: u32 = 4u;
const STEP_ROW: u32 = 4u;

const ROW_ID: u32 = 0u;
const ROW_POSITION: u32 = 1u;
const ROW_BLOCKS: u32 = 2u;
const ROW_SLOT: u32 = 3u;

fn row_word(row: u32, word: u32) -> u32 {
    return step[STEP_FIRST + row * STEP_ROW + word];
}
