// Many rows of x: an invocation computes 8 columns of 8 rows from registers, a workgroup 64 columns of 32 rows.

// Four neighbouring values of each of 8 columns of w.
struct Weights {
    c0: vec4<f32>, c1: vec4<f32>, c2: vec4<f32>, c3: vec4<f32>,
    c4: vec4<f32>, c5: vec4<f32>, c6: vec4<f32>, c7: vec4<f32>,
}
// Sums of 8 columns for 4 rows.
struct Sums {
    low0: vec4<f32>, low1: vec4<f32>, low2: vec4<f32>, low3: vec4<f32>,
    high0: vec4<f32>, high1: vec4<f32>, high2: vec4<f32>, high3: vec4<f32>,
}

fn low(w: Weights, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(w.c0, v), dot(w.c1, v), dot(w.c2, v), dot(w.c3, v));
}
fn high(w: Weights, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(w.c4, v), dot(w.c5, v), dot(w.c6, v), dot(w.c7, v));
}

// Adds the products of `w` with one four of each of 4 rows of x, which begin at `at`.
fn add(s: Sums, w: Weights, at: vec4<u32>, four: u32) -> Sums {
    let v0 = x[at.x + four];
    let v1 = x[at.y + four];
    let v2 = x[at.z + four];
    let v3 = x[at.w + four];
    return Sums(
        s.low0 + low(w, v0), s.low1 + low(w, v1), s.low2 + low(w, v2), s.low3 + low(w, v3),
        s.high0 + high(w, v0), s.high1 + high(w, v1), s.high2 + high(w, v2),
        s.high3 + high(w, v3),
    );
}

// One block of each of 8 columns.
struct Blocks {
    b0: Block, b1: Block, b2: Block, b3: Block, b4: Block, b5: Block, b6: Block, b7: Block,
}

// linear.rs adds the functions weights_0 to weights_7, which dequantise four values of each of the 8 columns.
fn value(numbers: vec4<f32>, scale: f32, low: f32) -> vec4<f32> {
    return numbers * (IN_PLACE * scale) + low;
}
@compute @workgroup_size(8, 4, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = params.rows;
    let column = id.x * 8u;
    let row = id.y * 8u;
    if (column >= params.out || row >= t) { return; }
    // Past the last row or column, the last one is computed again, but not stored.
    let last = params.out - 1u;
    let c0 = column;
    let c1 = min(column + 1u, last);
    let c2 = min(column + 2u, last);
    let c3 = min(column + 3u, last);
    let c4 = min(column + 4u, last);
    let c5 = min(column + 5u, last);
    let c6 = min(column + 6u, last);
    let c7 = min(column + 7u, last);
    let first = params.x_row;
    let last_row = t - 1u;
    let lanes = vec4<u32>(0u, 1u, 2u, 3u);
    let rows = vec4<u32>(row) + lanes;
    let begin = (first + min(rows, vec4<u32>(last_row))) * BLOCKS * 8u;
    let far = (first + min(rows + 4u, vec4<u32>(last_row))) * BLOCKS * 8u;
    // A batch may have at most 4 rows.
    let more = row + 4u < t;
    var s = Sums();
    var f = Sums();
    for (var i = 0u; i < BLOCKS; i += 1u) {
        let b = Blocks(
            load(c0, i), load(c1, i), load(c2, i), load(c3, i),
            load(c4, i), load(c5, i), load(c6, i), load(c7, i),
        );
        let four = 8u * i;
        let w0 = weights_0(b);
        s = add(s, w0, begin, four);
        if (more) { f = add(f, w0, far, four); }
        let w1 = weights_1(b);
        s = add(s, w1, begin, four + 1u);
        if (more) { f = add(f, w1, far, four + 1u); }
        let w2 = weights_2(b);
        s = add(s, w2, begin, four + 2u);
        if (more) { f = add(f, w2, far, four + 2u); }
        let w3 = weights_3(b);
        s = add(s, w3, begin, four + 3u);
        if (more) { f = add(f, w3, far, four + 3u); }
        let w4 = weights_4(b);
        s = add(s, w4, begin, four + 4u);
        if (more) { f = add(f, w4, far, four + 4u); }
        let w5 = weights_5(b);
        s = add(s, w5, begin, four + 5u);
        if (more) { f = add(f, w5, far, four + 5u); }
        let w6 = weights_6(b);
        s = add(s, w6, begin, four + 6u);
        if (more) { f = add(f, w6, far, four + 6u); }
        let w7 = weights_7(b);
        s = add(s, w7, begin, four + 7u);
        if (more) { f = add(f, w7, far, four + 7u); }
    }
    store_four(row, column, s);
    if (more) { store_four(row + 4u, column, f); }
}

fn store_four(row: u32, column: u32, s: Sums) {
    let t = params.rows;
    store(row, column, s.low0);
    store(row, column + 4u, s.high0);
    if (row + 1u < t) {
        store(row + 1u, column, s.low1);
        store(row + 1u, column + 4u, s.high1);
    }
    if (row + 2u < t) {
        store(row + 2u, column, s.low2);
        store(row + 2u, column + 4u, s.high2);
    }
    if (row + 3u < t) {
        store(row + 3u, column, s.low3);
        store(row + 3u, column + 4u, s.high3);
    }
}
