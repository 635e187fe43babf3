// One row of x, 8 columns per workgroup. 32 invocations share 4 columns, so that neighbouring invocations read
// neighbouring blocks. For GPUs.

alias Value = vec4<f32>;
const LANES: u32 = 32u;
const INVOCATIONS: u32 = 64u;

@compute @workgroup_size(INVOCATIONS, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let lane = index % LANES;
    let last = params.out - 1u;
    let column = group.x * 8u + index / LANES * 4u;
    let c0 = min(column, last);
    let c1 = min(column + 1u, last);
    let c2 = min(column + 2u, last);
    let c3 = min(column + 3u, last);
    let begin = (params.x_row + group.y) * BLOCKS * 8u;
    var sums = vec4<f32>();
    for (var i = lane; i < BLOCKS; i += LANES) {
        let v = input(begin + 8u * i);
        sums += vec4<f32>(
            dot_block(load(c0, i), v),
            dot_block(load(c1, i), v),
            dot_block(load(c2, i), v),
            dot_block(load(c3, i), v),
        );
    }
    let all = sum_of_lanes(index, sums);
    if (lane == 0u) { store(group.y, column, all); }
}
