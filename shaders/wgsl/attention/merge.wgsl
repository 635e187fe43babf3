// Combines the partial results of part.wgsl: one workgroup per head and row. CPU reference:
// src/cpu/attention.rs.

// [T, SPLITS, HEADS, HEAD_DIM + 2] f32: weighted sums of values, the largest score, the sum of the weights
@group(0) @binding(1) var<storage, read> parts: array<f32>;
// [T, STRIDE] f32; a row's values past HEADS HEAD_DIM are left unchanged
@group(0) @binding(2) var<storage, read_write> attn_out: array<f32>;

const LANES: u32 = 64u;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (group.y * params.splits * HEADS + group.x) * (HEAD_DIM + 2u);
    let step = HEADS * (HEAD_DIM + 2u);
    var largest = parts[first + HEAD_DIM];
    for (var j = 1u; j < params.splits; j += 1u) {
        largest = max(largest, parts[first + j * step + HEAD_DIM]);
    }
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        var sum = 0.0;
        var total = 0.0;
        for (var j = 0u; j < params.splits; j += 1u) {
            let part = first + j * step;
            let fade = exp(parts[part + HEAD_DIM] - largest);
            sum += fade * parts[part + i];
            total += fade * parts[part + HEAD_DIM + 1u];
        }
        attn_out[(params.first_row + group.y) * params.out_stride + group.x * HEAD_DIM + i] = sum / total;
    }
}
