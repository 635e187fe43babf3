// Selects the id of the largest finite logit, the lowest id on a tie: one workgroup per sample, any V. CPU
// reference: src/cpu/argmax.rs.

// [N, V] f32
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
// [N]: the ids; NONE if no logit is finite
@group(0) @binding(1) var<storage, read_write> picked: array<u32>;
// Rows of the step, and the block lists of their sequences: step.wgsl
@group(0) @binding(2) var<storage, read_write> step: array<u32>;
// [1]: V
@group(0) @binding(3) var<storage, read_write> info: array<u32>;

@compute @workgroup_size(256, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let v = info[0];
    let first = group.x * v;
    var id = NONE;
    var value = 0.0;
    for (var i = lane; i < v; i += LANES) {
        let x = logits[first + i];
        if (is_finite(x) && wins(i, x, id, value)) {
            id = i;
            value = x;
        }
    }
    gather_best(lane, id, value);
    if (lane == 0u) { pick(group.x, best_id[0]); }
}
