// x / sqrt(mean(x^2) + eps) * weight (RMSNorm, arXiv:1910.07467), one workgroup per row. The variant defines
// LANES; norm_rows/ selects the rows. CPU reference: src/cpu/rms_norm.rs.

// [.., C] f32
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
// [C] f32
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
// [T, Y_STRIDE] f32; a row's values past C are left unchanged
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
alias Value = f32;
const INVOCATIONS: u32 = LANES;

@compute @workgroup_size(LANES, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = info[0];
    let begin = from_row(group.x) * c;
    let out = group.x * info[2];
    var own = 0.0;
    for (var i = lane; i < c; i += LANES) {
        let value = x[begin + i];
        own += value * value;
    }
    let root = sqrt(sum_of_lanes(lane, own) / f32(c) + bitcast<f32>(info[1]));
    for (var i = lane; i < c; i += LANES) {
        y[out + i] = x[begin + i] / root * weight[i];
    }
}
