// Selection of the largest value. A kernel that includes this file has LANES invocations per workgroup.

const LANES: u32 = 256u;
const NONE: u32 = 0xffffffffu;

// Checks the bits, because a compiler may assume that comparisons never see infinity or NaN.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn wins(id: u32, value: f32, over_id: u32, over_value: f32) -> bool {
    if (id == NONE) { return false; }
    if (over_id == NONE) { return true; }
    return value > over_value || (value == over_value && id < over_id);
}

var<workgroup> best_id: array<u32, LANES>;
var<workgroup> best_value: array<f32, LANES>;

// Gathers the best of all invocations' candidates at index 0, where all can read it.
fn gather_best(lane: u32, id: u32, value: f32) {
    best_id[lane] = id;
    best_value[lane] = value;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            let other = lane + width;
            if (wins(best_id[other], best_value[other], best_id[lane], best_value[lane])) {
                best_id[lane] = best_id[other];
                best_value[lane] = best_value[other];
            }
        }
        workgroupBarrier();
    }
}
