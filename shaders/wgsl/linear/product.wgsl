// y = x w^T: what every way of computing it shares. CPU reference: src/cpu/linear.rs.

// [.., 32 BLOCKS] f32
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// T: rows of x and y.
const ROWS: u32 = 0u;
// Blocks that a row of x and of w has.
const BLOCKS: u32 = 1u;
// Rows of w.
const OUT: u32 = 2u;
const FLAGS: u32 = 3u;
// The row of x that is row 0 of y.
const X_ROW: u32 = 4u;
// Where the bias begins in `side`, as f32.
const BIAS: u32 = 5u;
// What row 0 of w is the column of.
const COLUMN: u32 = 6u;

const WITH_BIAS: u32 = 1u;
const ADD: u32 = 2u;

fn bias(row: u32) -> f32 {
    if ((info[FLAGS] & WITH_BIAS) == 0u) { return 0.0; }
    return bitcast<f32>(side[info[BIAS] + row]);
}
