// For GPUs: sums are added up in pairs.

const LANES: u32 = 64u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = info[0];
    let begin = (info[2] + group.x) * c;
    let out = group.x * info[3];
    var sum = 0.0;
    for (var i = lane; i < c; i += LANES) {
        let value = x[begin + i];
        sum += value * value;
    }
    partial[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) { partial[lane] += partial[lane + width]; }
        workgroupBarrier();
    }
    let root = sqrt(partial[0] / f32(c) + bitcast<f32>(info[1]));
    for (var i = lane; i < c; i += LANES) {
        y[out + i] = x[begin + i] / root * weight[i];
    }
}
