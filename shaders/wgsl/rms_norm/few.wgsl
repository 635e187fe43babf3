// For adapters that are programs on a CPU, which barriers cost most: one is enough for a few
// invocations.

const LANES: u32 = 16u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(16, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = info[0];
    let begin = (info[2] + group.x) * c;
    let out = group.x * info[3];
    var own = 0.0;
    for (var i = lane; i < c; i += LANES) {
        let value = x[begin + i];
        own += value * value;
    }
    partial[lane] = own;
    workgroupBarrier();
    var sum = 0.0;
    for (var j = 0u; j < LANES; j += 1u) { sum += partial[j]; }
    let root = sqrt(sum / f32(c) + bitcast<f32>(info[1]));
    for (var i = lane; i < c; i += LANES) {
        y[out + i] = x[begin + i] / root * weight[i];
    }
}
