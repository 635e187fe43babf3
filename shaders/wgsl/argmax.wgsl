// The id of the largest finite logit, the lowest id of equals: one workgroup, any V.
// CPU reference: src/cpu/argmax.rs.

// [V] f32
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
// [1]: the id, or NONE where no logit was finite
@group(0) @binding(1) var<storage, read_write> picked: array<u32>;
// [2 + T] u32: the position, T, the ids
@group(0) @binding(2) var<storage, read_write> step: array<u32>;
// [1]: V
@group(0) @binding(3) var<storage, read_write> info: array<u32>;

const WORKGROUP: u32 = 256u;

var<workgroup> best_id: array<u32, WORKGROUP>;
var<workgroup> best_value: array<f32, WORKGROUP>;

@compute @workgroup_size(256, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
    let v = info[0];
    var id = NONE;
    var value = 0.0;
    for (var i = lane; i < v; i += WORKGROUP) {
        let x = logits[i];
        if (is_finite(x) && wins(i, x, id, value)) {
            id = i;
            value = x;
        }
    }
    best_id[lane] = id;
    best_value[lane] = value;
    workgroupBarrier();
    for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            let other = lane + width;
            if (wins(best_id[other], best_value[other], best_id[lane], best_value[lane])) {
                best_id[lane] = best_id[other];
                best_value[lane] = best_value[other];
            }
        }
        workgroupBarrier();
    }
    if (lane == 0u) { pick(best_id[0]); }
}
