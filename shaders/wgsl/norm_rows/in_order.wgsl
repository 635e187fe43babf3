// Consecutive rows.

// [4]: C, the bits of eps, Y_STRIDE, the row of x that becomes row 0 of y
@group(0) @binding(3) var<storage, read_write> info: array<u32>;

fn from_row(row: u32) -> u32 { return info[3] + row; }
