// The product to y, plus a bias, plus what y held.

// [T, Y_STRIDE] f32
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

// Values a row of y has.
const Y_STRIDE: u32 = 7u;

// Columns `column` to `column + 3`, as far as there are such.
fn store(row: u32, column: u32, product: vec4<f32>) {
    let at = row * info[Y_STRIDE] + info[COLUMN] + column;
    let adds = (info[FLAGS] & ADD) != 0u;
    for (var j = 0u; j < 4u && column + j < info[OUT]; j += 1u) {
        var sum = product[j] + bias(column + j);
        if (adds) { sum += y[at + j]; }
        y[at + j] = sum;
    }
}
