// x / sqrt(mean(x^2) + eps) * weight (RMSNorm, arXiv:1910.07467), one workgroup per row. Constants:
// HIDDEN, and LANES, which depends on the variant. norm_rows/ selects the rows. CPU reference: src/cpu/rms_norm.rs.

struct NormParams {
    eps: f32,
    // Number of values per row of y.
    y_stride: u32,
    // Row of x that becomes row 0 of y, unless `step` says which.
    first_row: u32,
}

@group(0) @binding(0) var<storage, read> params: NormParams;
// [.., HIDDEN] f32
@group(0) @binding(1) var<storage, read> x: array<f32>;
// [HIDDEN] f32
@group(0) @binding(2) var<storage, read> weight: array<f32>;
// [T, Y_STRIDE] f32; a row's values past HIDDEN are left unchanged
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
alias Value = f32;
const INVOCATIONS: u32 = LANES;

@compute @workgroup_size(LANES, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let begin = from_row(group.x) * HIDDEN;
    let out = group.x * params.y_stride;
    var own = 0.0;
    for (var i = lane; i < HIDDEN; i += LANES) {
        let value = x[begin + i];
        own += value * value;
    }
    let root = sqrt(sum_of_lanes(lane, own) / f32(HIDDEN) + params.eps);
    for (var i = lane; i < HIDDEN; i += LANES) {
        y[out + i] = x[begin + i] / root * weight[i];
    }
}
