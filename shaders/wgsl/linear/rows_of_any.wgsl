// Rows of any length; past a row's end there are zeros.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;

// Where row `row` begins, in the unit that x_at and w_at count in.
fn start(row: u32) -> u32 { return row * info[IN]; }
// How many fours a row has, the last one perhaps not whole.
fn fours() -> u32 { return (info[IN] + 3u) / 4u; }
fn x_at(start: u32, four: u32) -> vec4<f32> {
    let i = four * 4u;
    let at = start + i;
    let left = info[IN] - i;
    if (left >= 4u) { return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]); }
    var some = vec4<f32>(x[at], 0.0, 0.0, 0.0);
    if (left > 1u) { some.y = x[at + 1u]; }
    if (left > 2u) { some.z = x[at + 2u]; }
    return some;
}
fn w_at(start: u32, four: u32) -> vec4<f32> {
    let i = four * 4u;
    let at = start + i;
    let left = info[IN] - i;
    if (left >= 4u) { return vec4<f32>(w[at], w[at + 1u], w[at + 2u], w[at + 3u]); }
    var some = vec4<f32>(w[at], 0.0, 0.0, 0.0);
    if (left > 1u) { some.y = w[at + 1u]; }
    if (left > 2u) { some.z = w[at + 2u]; }
    return some;
}
