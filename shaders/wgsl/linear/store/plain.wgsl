// Writes the product to y, plus a bias, plus the previous contents of y.

// [T, Y_STRIDE] f32
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

// Number of values per row of y.
const Y_STRIDE: u32 = 7u;

// Stores columns `column` to `column + 3`, as far as they exist.
fn store(row: u32, column: u32, product: vec4<f32>) {
    let at = row * info[Y_STRIDE] + info[COLUMN] + column;
    let adds = (info[FLAGS] & ADD) != 0u;
    for (var j = 0u; j < 4u && column + j < info[OUT]; j += 1u) {
        var sum = product[j] + bias(column + j);
        if (adds) { sum += y[at + j]; }
        y[at + j] = sum;
    }
}
