// The id of the largest finite logit, the lowest id of equals: one workgroup, any V.
// CPU reference: src/cpu/argmax.rs.

// [V] f32
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
// [2]: the id, and whether there was a finite logit at all (1) or not (0)
@group(0) @binding(1) var<storage, read_write> picked: array<u32>;
// [1]: V
@group(0) @binding(2) var<storage, read_write> info: array<u32>;

const WORKGROUP: u32 = 256u;
const NONE: u32 = 0xffffffffu;

var<workgroup> best_id: array<u32, WORKGROUP>;
var<workgroup> best_value: array<f32, WORKGROUP>;

// By bits: a compiler may assume that comparisons never see infinity or NaN.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn wins(id: u32, value: f32, over_id: u32, over_value: f32) -> bool {
    if (id == NONE) { return false; }
    if (over_id == NONE) { return true; }
    return value > over_value || (value == over_value && id < over_id);
}

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
    if (lane == 0u) {
        picked[0] = best_id[0];
        picked[1] = select(1u, 0u, best_id[0] == NONE);
    }
}
