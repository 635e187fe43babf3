// y = x w^T, plus a bias, plus what y held; the parts that every way of computing it shares.
// CPU reference: src/cpu/linear.rs.

// [OUT] f32, read where FLAGS has WITH_BIAS
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
// [T, Y_STRIDE] f32
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

// T: rows of x and y.
const ROWS: u32 = 0u;
// Values a row of x and of w has.
const IN: u32 = 1u;
// Rows of w.
const OUT: u32 = 2u;
const FLAGS: u32 = 3u;
// The row of x that is row 0 of y.
const X_ROW: u32 = 4u;
// Values a row of y has, and the column of it that is row 0 of w.
const Y_STRIDE: u32 = 5u;
const Y_COLUMN: u32 = 6u;

const WITH_BIAS: u32 = 1u;
const ADD: u32 = 2u;

fn store(row: u32, column: u32, product: f32) {
    let at = row * info[Y_STRIDE] + info[Y_COLUMN] + column;
    var sum = product;
    if ((info[FLAGS] & WITH_BIAS) != 0u) { sum += bias[column]; }
    if ((info[FLAGS] & ADD) != 0u) { sum += y[at]; }
    y[at] = sum;
}
