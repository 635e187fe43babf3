// Row 2 i of w is the gate of row 2 i + 1: stores silu(gate) * up (SwiGLU, arXiv:2002.05202). CPU reference:
// src/cpu/swiglu.rs.

// [T, Y_STRIDE] f32
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn swiglu(gate: f32, up: f32) -> f32 { return gate / (1.0 + exp(-gate)) * up; }

// Stores columns `column` to `column + 3`, as far as they exist; `column` is even.
fn store(row: u32, column: u32, product: vec4<f32>) {
    let at = row * params.y_stride + column / 2u;
    let out = params.out;
    if (column + 1u < out) {
        y[at] = swiglu(product.x + bias(column), product.y + bias(column + 1u));
    }
    if (column + 3u < out) {
        y[at + 1u] = swiglu(product.z + bias(column + 2u), product.w + bias(column + 3u));
    }
}
