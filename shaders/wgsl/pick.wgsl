// What every pick does: leaving the id for the host and the next step. A kernel that includes this has
// `picked` and `step`, and a workgroup a pick.

// Leaves the id of pick `n`. The next step's rows are one a pick; where there are several, every row
// was picked from, so that no workgroup overwrites what another reads.
fn pick(n: u32, id: u32) {
    picked[n] = id;
    if (step[STEP_CHAINS] == 0u) { return; }
    let row = row_of(n);
    let to = STEP_FIRST + n * STEP_ROW;
    // The next step may run before the host hears that there was nothing to pick.
    step[to + ROW_ID] = select(id, 0u, id == NONE);
    step[to + ROW_POSITION] = row_word(row, ROW_POSITION) + 1u;
    step[to + ROW_BLOCKS] = row_word(row, ROW_BLOCKS);
    step[to + ROW_SLOT] = row_word(row, ROW_SLOT);
    step[to + ROW_PICK] = n;
    if (n == 0u) { step[STEP_ROWS] = step[STEP_PICKS]; }
}
