// What every pick does: finding the largest, and leaving the id for the host and the next step. A
// kernel that includes this has `picked` and `step`, and a workgroup of LANES invocations a pick.

const LANES: u32 = 256u;
const NONE: u32 = 0xffffffffu;

// By bits: a compiler may assume that comparisons never see infinity or NaN.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn wins(id: u32, value: f32, over_id: u32, over_value: f32) -> bool {
    if (id == NONE) { return false; }
    if (over_id == NONE) { return true; }
    return value > over_value || (value == over_value && id < over_id);
}

var<workgroup> best_id: array<u32, LANES>;
var<workgroup> best_value: array<f32, LANES>;

// The best of what each invocation found, at index 0 for all to see.
fn gather_best(lane: u32, id: u32, value: f32) {
    best_id[lane] = id;
    best_value[lane] = value;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            let other = lane + width;
            if (wins(best_id[other], best_value[other], best_id[lane], best_value[lane])) {
                best_id[lane] = best_id[other];
                best_value[lane] = best_value[other];
            }
        }
        workgroupBarrier();
    }
}

// The row that pick `n` is from: the last rows are picked from.
fn row_of(n: u32) -> u32 { return step[STEP_ROWS] - step[STEP_PICKS] + n; }

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
    if (n == 0u) { step[STEP_ROWS] = step[STEP_PICKS]; }
}
