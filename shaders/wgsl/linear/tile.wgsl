
// A prompt's rows: an invocation computes 4 columns of 4 rows from registers, a workgroup 32 of 32.

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = info[ROWS];
    let out = info[OUT];
    let column = id.x * 4u;
    let row = id.y * 4u;
    if (column >= out || row >= t) { return; }
    // Past the last row and column the last is computed again, and not stored.
    let w0 = start(column);
    let w1 = start(min(column + 1u, out - 1u));
    let w2 = start(min(column + 2u, out - 1u));
    let w3 = start(min(column + 3u, out - 1u));
    let first = info[X_ROW];
    let x0 = start(first + row);
    let x1 = start(first + min(row + 1u, t - 1u));
    let x2 = start(first + min(row + 2u, t - 1u));
    let x3 = start(first + min(row + 3u, t - 1u));
    var y0 = vec4<f32>();
    var y1 = vec4<f32>();
    var y2 = vec4<f32>();
    var y3 = vec4<f32>();
    let n = fours();
    for (var i = 0u; i < n; i += 1u) {
        let a = w_at(w0, i);
        let b = w_at(w1, i);
        let c = w_at(w2, i);
        let d = w_at(w3, i);
        let e = x_at(x0, i);
        let f = x_at(x1, i);
        let g = x_at(x2, i);
        let h = x_at(x3, i);
        y0 += vec4<f32>(dot(a, e), dot(b, e), dot(c, e), dot(d, e));
        y1 += vec4<f32>(dot(a, f), dot(b, f), dot(c, f), dot(d, f));
        y2 += vec4<f32>(dot(a, g), dot(b, g), dot(c, g), dot(d, g));
        y3 += vec4<f32>(dot(a, h), dot(b, h), dot(c, h), dot(d, h));
    }
    for (var j = 0u; j < 4u && column + j < out; j += 1u) {
        store(row, column + j, y0[j]);
        if (row + 1u < t) { store(row + 1u, column + j, y1[j]); }
        if (row + 2u < t) { store(row + 2u, column + j, y2[j]); }
        if (row + 3u < t) { store(row + 3u, column + j, y3[j]); }
    }
}
