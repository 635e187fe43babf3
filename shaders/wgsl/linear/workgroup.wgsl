
// One row of x, 4 columns a workgroup, whose invocations share the columns' values: for GPUs, where
// neighbours read neighbouring addresses.

const LANES: u32 = 64u;

var<workgroup> partial: array<vec4<f32>, LANES>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let out = info[OUT];
    let column = group.x * 4u;
    let w0 = start(min(column, out - 1u));
    let w1 = start(min(column + 1u, out - 1u));
    let w2 = start(min(column + 2u, out - 1u));
    let w3 = start(min(column + 3u, out - 1u));
    let x0 = start(info[X_ROW] + group.y);
    var sums = vec4<f32>();
    let n = fours();
    for (var i = lane; i < n; i += LANES) {
        let v = x_at(x0, i);
        sums += vec4<f32>(
            dot(w_at(w0, i), v),
            dot(w_at(w1, i), v),
            dot(w_at(w2, i), v),
            dot(w_at(w3, i), v),
        );
    }
    partial[lane] = sums;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) { partial[lane] += partial[lane + width]; }
        workgroupBarrier();
    }
    if (lane < 4u && column + lane < out) {
        store(group.y, column + lane, partial[0][lane]);
    }
}
