// Writes the product to y, plus a bias (WITH_BIAS), plus the previous contents of y (ADD).

// [T, Y_STRIDE] f32
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// Stores columns `column` to `column + 3`, as far as they exist.
fn store(row: u32, column: u32, product: vec4<f32>) {
    let at = row * params.y_stride + params.y_column + column;
    for (var j = 0u; j < 4u && column + j < params.out; j += 1u) {
        var sum = product[j] + bias(column + j);
        if (ADD != 0u) { sum += y[at + j]; }
        y[at + j] = sum;
    }
}
