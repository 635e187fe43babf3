// y = x w^T: the part that all methods share. CPU reference: src/cpu/linear.rs.

// [.., 32 BLOCKS] f32
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// T: number of rows of x and y.
const ROWS: u32 = 0u;
// Number of blocks per row of x and of w.
const BLOCKS: u32 = 1u;
// Number of rows of w.
const OUT: u32 = 2u;
const FLAGS: u32 = 3u;
// Row of x that becomes row 0 of y.
const X_ROW: u32 = 4u;
// Offset of the bias in `side`, as f32.
const BIAS: u32 = 5u;
// Column of y that row 0 of w yields.
const COLUMN: u32 = 6u;

const WITH_BIAS: u32 = 1u;
const ADD: u32 = 2u;

fn bias(row: u32) -> f32 {
    if ((info[FLAGS] & WITH_BIAS) == 0u) { return 0.0; }
    return bitcast<f32>(side[info[BIAS] + row]);
}
