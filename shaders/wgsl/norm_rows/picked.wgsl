// The rows that a step samples from.

// Rows of the step, and the block lists of their sequences: step.wgsl
@group(0) @binding(3) var<storage, read_write> step: array<u32>;
// [3]: C, the bits of eps, Y_STRIDE
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

fn from_row(row: u32) -> u32 { return row_of(row); }
