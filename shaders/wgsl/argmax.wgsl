// Selects the id of the largest finite logit, the lowest id on a tie: one workgroup per sample, any
// VOCAB. CPU reference: src/cpu/argmax.rs.

// [N, VOCAB] f32
@group(0) @binding(1) var<storage, read> logits: array<f32>;
// [N]: the ids; NONE if no logit is finite
@group(0) @binding(2) var<storage, read_write> sampled: array<u32>;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(3) var<storage, read_write> step: array<u32>;

@compute @workgroup_size(256, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = group.x * VOCAB;
    var id = NONE;
    var value = 0.0;
    for (var i = lane; i < VOCAB; i += LANES) {
        let x = logits[first + i];
        if (is_finite(x) && wins(i, x, id, value)) {
            id = i;
            value = x;
        }
    }
    gather_best(lane, id, value);
    if (lane == 0u) { store_sample(group.x, best_id[0]); }
}
