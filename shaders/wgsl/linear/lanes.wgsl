// One row of x, 8 columns per invocation. For software adapters on a CPU, where the number of loads matters
// most and a barrier costs more than the arithmetic.

@compute @workgroup_size(16, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let out = params.out;
    let column = id.x * 8u;
    if (column >= out) { return; }
    // Past the last column, the last one is computed again, but not stored.
    let last = out - 1u;
    let c1 = min(column + 1u, last);
    let c2 = min(column + 2u, last);
    let c3 = min(column + 3u, last);
    let c4 = min(column + 4u, last);
    let c5 = min(column + 5u, last);
    let c6 = min(column + 6u, last);
    let c7 = min(column + 7u, last);
    let begin = (params.x_row + id.y) * BLOCKS * 8u;
    var low = vec4<f32>();
    var high = vec4<f32>();
    for (var i = 0u; i < BLOCKS; i += 1u) {
        let v = input(begin + 8u * i);
        low.x += dot_block(load(column, i), v);
        low.y += dot_block(load(c1, i), v);
        low.z += dot_block(load(c2, i), v);
        low.w += dot_block(load(c3, i), v);
        high.x += dot_block(load(c4, i), v);
        high.y += dot_block(load(c5, i), v);
        high.z += dot_block(load(c6, i), v);
        high.w += dot_block(load(c7, i), v);
    }
    store(id.y, column, low);
    store(id.y, column + 4u, high);
}
