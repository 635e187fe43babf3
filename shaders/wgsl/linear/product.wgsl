// y = x w^T: the part that all methods share. Constants: BLOCKS per row of x and of w, WITH_BIAS, ADD. CPU
// reference: src/cpu/linear.rs.

struct LinearParams {
    // T: number of rows of x and y.
    rows: u32,
    // Row of x that becomes row 0 of y.
    x_row: u32,
    // Number of rows of w.
    out: u32,
    // Offset of the bias in `scales`, as f32.
    bias_offset: u32,
    // Column of y that row 0 of w yields.
    y_column: u32,
    // Number of values per row of y.
    y_stride: u32,
}

@group(0) @binding(0) var<storage, read> params: LinearParams;
// [.., 32 BLOCKS] f32
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

fn bias(row: u32) -> f32 {
    if (WITH_BIAS == 0u) { return 0.0; }
    return bitcast<f32>(scales[params.bias_offset + row]);
}
