// The rows that a step samples from.

// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(4) var<storage, read> step: array<u32>;

fn from_row(row: u32) -> u32 { return row_of(row); }
