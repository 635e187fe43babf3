// Combines the partial results of part.wgsl: one workgroup per head and row. CPU reference:
// src/cpu/attention.rs.

// [T, SPLITS, H, D + 2] f32: weighted sums of values, the largest score, the sum of the weights
@group(0) @binding(0) var<storage, read_write> parts: array<f32>;
// [T, STRIDE] f32; a row's values past H D are left unchanged
@group(0) @binding(1) var<storage, read_write> mixed: array<f32>;
// [5]: H, D, STRIDE, SPLITS, the row of `mixed` that the first row of `parts` belongs to
@group(0) @binding(2) var<storage, read_write> info: array<u32>;

const LANES: u32 = 64u;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let h = info[0];
    let d = info[1];
    let splits = info[3];
    let first = (group.y * splits * h + group.x) * (d + 2u);
    let step = h * (d + 2u);
    var largest = parts[first + d];
    for (var j = 1u; j < splits; j += 1u) {
        largest = max(largest, parts[first + j * step + d]);
    }
    for (var i = lane; i < d; i += LANES) {
        var sum = 0.0;
        var total = 0.0;
        for (var j = 0u; j < splits; j += 1u) {
            let part = first + j * step;
            let fade = exp(parts[part + d] - largest);
            sum += fade * parts[part + i];
            total += fade * parts[part + d + 1u];
        }
        mixed[(info[4] + group.y) * info[2] + group.x * d + i] = sum / total;
    }
}
