// Rows whose length is a multiple of 4, read four values at a time.

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> w: array<vec4<f32>>;

// Where row `row` begins, in the unit that x_at and w_at count in.
fn start(row: u32) -> u32 { return row * (info[IN] / 4u); }
// How many fours a row has.
fn fours() -> u32 { return info[IN] / 4u; }
fn x_at(start: u32, four: u32) -> vec4<f32> { return x[start + four]; }
fn w_at(start: u32, four: u32) -> vec4<f32> { return w[start + four]; }
