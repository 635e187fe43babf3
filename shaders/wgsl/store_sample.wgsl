// The end of every kernel that samples: passes the id to the host and to the next step. A kernel that includes
// this file has `sampled` and `step`, and one workgroup per sample.

// Stores the id of sample `n`, and makes it row `n` of the next step if the step is chained. If there are
// several samples, there is one of every row, so that no workgroup overwrites what another reads.
fn store_sample(n: u32, id: u32) {
    sampled[n] = id;
    if (step[STEP_CHAINED] == 0u) { return; }
    let row = row_of(n);
    let to = STEP_FIRST + n * STEP_ROW;
    // The next step may run before the host learns that there was nothing to sample.
    step[to + ROW_ID] = select(id, 0u, id == NONE);
    step[to + ROW_POSITION] = row_word(row, ROW_POSITION) + 1u;
    step[to + ROW_BLOCKS] = row_word(row, ROW_BLOCKS);
    step[to + ROW_SLOT] = row_word(row, ROW_SLOT);
    step[to + ROW_SAMPLE] = n;
    if (n == 0u) { step[STEP_ROWS] = step[STEP_SAMPLES]; }
}
