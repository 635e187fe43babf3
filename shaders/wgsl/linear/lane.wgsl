
// One row of x, 4 columns an invocation: for adapters that are programs on a CPU, where every
// invocation has a cache line to itself and a barrier costs more than the arithmetic.

@compute @workgroup_size(32, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let out = info[OUT];
    let column = id.x * 4u;
    if (column >= out) { return; }
    let w0 = start(column);
    let w1 = start(min(column + 1u, out - 1u));
    let w2 = start(min(column + 2u, out - 1u));
    let w3 = start(min(column + 3u, out - 1u));
    let x0 = start(info[X_ROW] + id.y);
    var a = vec4<f32>();
    var b = vec4<f32>();
    var c = vec4<f32>();
    var d = vec4<f32>();
    let n = fours();
    for (var i = 0u; i < n; i += 1u) {
        let v = x_at(x0, i);
        a += w_at(w0, i) * v;
        b += w_at(w1, i) * v;
        c += w_at(w2, i) * v;
        d += w_at(w3, i) * v;
    }
    let one = vec4<f32>(1.0);
    let sums = vec4<f32>(dot(a, one), dot(b, one), dot(c, one), dot(d, one));
    for (var j = 0u; j < 4u && column + j < out; j += 1u) {
        store(id.y, column + j, sums[j]);
    }
}
