// A prompt's rows: an invocation computes 8 columns of 8 rows from registers, a workgroup 64 of 32.

// A four of each of 8 columns of w.
struct Weights {
    c0: vec4<f32>, c1: vec4<f32>, c2: vec4<f32>, c3: vec4<f32>,
    c4: vec4<f32>, c5: vec4<f32>, c6: vec4<f32>, c7: vec4<f32>,
}
// Of 8 columns, for 8 rows.
struct Sums {
    low0: vec4<f32>, low1: vec4<f32>, low2: vec4<f32>, low3: vec4<f32>,
    low4: vec4<f32>, low5: vec4<f32>, low6: vec4<f32>, low7: vec4<f32>,
    high0: vec4<f32>, high1: vec4<f32>, high2: vec4<f32>, high3: vec4<f32>,
    high4: vec4<f32>, high5: vec4<f32>, high6: vec4<f32>, high7: vec4<f32>,
}

fn low(w: Weights, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(w.c0, v), dot(w.c1, v), dot(w.c2, v), dot(w.c3, v));
}
fn high(w: Weights, v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(w.c4, v), dot(w.c5, v), dot(w.c6, v), dot(w.c7, v));
}

// Where the 8 rows of x begin.
struct At { r0: u32, r1: u32, r2: u32, r3: u32, r4: u32, r5: u32, r6: u32, r7: u32 }
fn add(s: Sums, w: Weights, at: At, four: u32) -> Sums {
    let v0 = x[at.r0 + four];
    let v1 = x[at.r1 + four];
    let v2 = x[at.r2 + four];
    let v3 = x[at.r3 + four];
    let v4 = x[at.r4 + four];
    let v5 = x[at.r5 + four];
    let v6 = x[at.r6 + four];
    let v7 = x[at.r7 + four];
    return Sums(
        s.low0 + low(w, v0), s.low1 + low(w, v1), s.low2 + low(w, v2),
        s.low3 + low(w, v3), s.low4 + low(w, v4), s.low5 + low(w, v5),
        s.low6 + low(w, v6), s.low7 + low(w, v7), s.high0 + high(w, v0),
        s.high1 + high(w, v1), s.high2 + high(w, v2), s.high3 + high(w, v3),
        s.high4 + high(w, v4), s.high5 + high(w, v5), s.high6 + high(w, v6),
        s.high7 + high(w, v7),
    );
}

// A block of each of 8 columns.
struct Blocks {
    b0: Block, b1: Block, b2: Block, b3: Block, b4: Block, b5: Block, b6: Block, b7: Block,
}

fn value(numbers: vec4<f32>, scale: f32, low: f32) -> vec4<f32> {
    return numbers * (IN_PLACE * scale) + low;
}
fn weights_0(b: Blocks) -> Weights {
    return Weights(
        value(four_0(b.b0.quants), b.b0.scale.x, b.b0.low.x),
        value(four_0(b.b1.quants), b.b1.scale.x, b.b1.low.x),
        value(four_0(b.b2.quants), b.b2.scale.x, b.b2.low.x),
        value(four_0(b.b3.quants), b.b3.scale.x, b.b3.low.x),
        value(four_0(b.b4.quants), b.b4.scale.x, b.b4.low.x),
        value(four_0(b.b5.quants), b.b5.scale.x, b.b5.low.x),
        value(four_0(b.b6.quants), b.b6.scale.x, b.b6.low.x),
        value(four_0(b.b7.quants), b.b7.scale.x, b.b7.low.x),
    );
}
fn weights_1(b: Blocks) -> Weights {
    return Weights(
        value(four_1(b.b0.quants), b.b0.scale.x, b.b0.low.x),
        value(four_1(b.b1.quants), b.b1.scale.x, b.b1.low.x),
        value(four_1(b.b2.quants), b.b2.scale.x, b.b2.low.x),
        value(four_1(b.b3.quants), b.b3.scale.x, b.b3.low.x),
        value(four_1(b.b4.quants), b.b4.scale.x, b.b4.low.x),
        value(four_1(b.b5.quants), b.b5.scale.x, b.b5.low.x),
        value(four_1(b.b6.quants), b.b6.scale.x, b.b6.low.x),
        value(four_1(b.b7.quants), b.b7.scale.x, b.b7.low.x),
    );
}
fn weights_2(b: Blocks) -> Weights {
    return Weights(
        value(four_2(b.b0.quants), b.b0.scale.x, b.b0.low.x),
        value(four_2(b.b1.quants), b.b1.scale.x, b.b1.low.x),
        value(four_2(b.b2.quants), b.b2.scale.x, b.b2.low.x),
        value(four_2(b.b3.quants), b.b3.scale.x, b.b3.low.x),
        value(four_2(b.b4.quants), b.b4.scale.x, b.b4.low.x),
        value(four_2(b.b5.quants), b.b5.scale.x, b.b5.low.x),
        value(four_2(b.b6.quants), b.b6.scale.x, b.b6.low.x),
        value(four_2(b.b7.quants), b.b7.scale.x, b.b7.low.x),
    );
}
fn weights_3(b: Blocks) -> Weights {
    return Weights(
        value(four_3(b.b0.quants), b.b0.scale.x, b.b0.low.x),
        value(four_3(b.b1.quants), b.b1.scale.x, b.b1.low.x),
        value(four_3(b.b2.quants), b.b2.scale.x, b.b2.low.x),
        value(four_3(b.b3.quants), b.b3.scale.x, b.b3.low.x),
        value(four_3(b.b4.quants), b.b4.scale.x, b.b4.low.x),
        value(four_3(b.b5.quants), b.b5.scale.x, b.b5.low.x),
        value(four_3(b.b6.quants), b.b6.scale.x, b.b6.low.x),
        value(four_3(b.b7.quants), b.b7.scale.x, b.b7.low.x),
    );
}
fn weights_4(b: Blocks) -> Weights {
    return Weights(
        value(four_4(b.b0.quants), b.b0.scale.y, b.b0.low.y),
        value(four_4(b.b1.quants), b.b1.scale.y, b.b1.low.y),
        value(four_4(b.b2.quants), b.b2.scale.y, b.b2.low.y),
        value(four_4(b.b3.quants), b.b3.scale.y, b.b3.low.y),
        value(four_4(b.b4.quants), b.b4.scale.y, b.b4.low.y),
        value(four_4(b.b5.quants), b.b5.scale.y, b.b5.low.y),
        value(four_4(b.b6.quants), b.b6.scale.y, b.b6.low.y),
        value(four_4(b.b7.quants), b.b7.scale.y, b.b7.low.y),
    );
}
fn weights_5(b: Blocks) -> Weights {
    return Weights(
        value(four_5(b.b0.quants), b.b0.scale.y, b.b0.low.y),
        value(four_5(b.b1.quants), b.b1.scale.y, b.b1.low.y),
        value(four_5(b.b2.quants), b.b2.scale.y, b.b2.low.y),
        value(four_5(b.b3.quants), b.b3.scale.y, b.b3.low.y),
        value(four_5(b.b4.quants), b.b4.scale.y, b.b4.low.y),
        value(four_5(b.b5.quants), b.b5.scale.y, b.b5.low.y),
        value(four_5(b.b6.quants), b.b6.scale.y, b.b6.low.y),
        value(four_5(b.b7.quants), b.b7.scale.y, b.b7.low.y),
    );
}
fn weights_6(b: Blocks) -> Weights {
    return Weights(
        value(four_6(b.b0.quants), b.b0.scale.y, b.b0.low.y),
        value(four_6(b.b1.quants), b.b1.scale.y, b.b1.low.y),
        value(four_6(b.b2.quants), b.b2.scale.y, b.b2.low.y),
        value(four_6(b.b3.quants), b.b3.scale.y, b.b3.low.y),
        value(four_6(b.b4.quants), b.b4.scale.y, b.b4.low.y),
        value(four_6(b.b5.quants), b.b5.scale.y, b.b5.low.y),
        value(four_6(b.b6.quants), b.b6.scale.y, b.b6.low.y),
        value(four_6(b.b7.quants), b.b7.scale.y, b.b7.low.y),
    );
}
fn weights_7(b: Blocks) -> Weights {
    return Weights(
        value(four_7(b.b0.quants), b.b0.scale.y, b.b0.low.y),
        value(four_7(b.b1.quants), b.b1.scale.y, b.b1.low.y),
        value(four_7(b.b2.quants), b.b2.scale.y, b.b2.low.y),
        value(four_7(b.b3.quants), b.b3.scale.y, b.b3.low.y),
        value(four_7(b.b4.quants), b.b4.scale.y, b.b4.low.y),
        value(four_7(b.b5.quants), b.b5.scale.y, b.b5.low.y),
        value(four_7(b.b6.quants), b.b6.scale.y, b.b6.low.y),
        value(four_7(b.b7.quants), b.b7.scale.y, b.b7.low.y),
    );
}

@compute @workgroup_size(8, 4, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = info[ROWS];
    let column = id.x * 8u;
    let row = id.y * 8u;
    if (column >= info[OUT] || row >= t) { return; }
    // Past the last row and column the last is computed again, and not stored.
    let last = info[OUT] - 1u;
    let c0 = column;
    let c1 = min(column + 1u, last);
    let c2 = min(column + 2u, last);
    let c3 = min(column + 3u, last);
    let c4 = min(column + 4u, last);
    let c5 = min(column + 5u, last);
    let c6 = min(column + 6u, last);
    let c7 = min(column + 7u, last);
    let n = info[BLOCKS];
    let first = info[X_ROW];
    let last_row = t - 1u;
    let begin = At(
        (first + min(row + 0u, last_row)) * n * 8u,
        (first + min(row + 1u, last_row)) * n * 8u,
        (first + min(row + 2u, last_row)) * n * 8u,
        (first + min(row + 3u, last_row)) * n * 8u,
        (first + min(row + 4u, last_row)) * n * 8u,
        (first + min(row + 5u, last_row)) * n * 8u,
        (first + min(row + 6u, last_row)) * n * 8u,
        (first + min(row + 7u, last_row)) * n * 8u,
    );
    var s = Sums();
    for (var i = 0u; i < n; i += 1u) {
        let b = Blocks(
            load(c0, i, n), load(c1, i, n), load(c2, i, n), load(c3, i, n),
            load(c4, i, n), load(c5, i, n), load(c6, i, n), load(c7, i, n),
        );
        let four = 8u * i;
        s = add(s, weights_0(b), begin, four + 0u);
        s = add(s, weights_1(b), begin, four + 1u);
        s = add(s, weights_2(b), begin, four + 2u);
        s = add(s, weights_3(b), begin, four + 3u);
        s = add(s, weights_4(b), begin, four + 4u);
        s = add(s, weights_5(b), begin, four + 5u);
        s = add(s, weights_6(b), begin, four + 6u);
        s = add(s, weights_7(b), begin, four + 7u);
    }
    if (row + 0u < t) {
        store(row + 0u, column, s.low0);
        store(row + 0u, column + 4u, s.high0);
    }
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
    if (row + 4u < t) {
        store(row + 4u, column, s.low4);
        store(row + 4u, column + 4u, s.high4);
    }
    if (row + 5u < t) {
        store(row + 5u, column, s.low5);
        store(row + 5u, column + 4u, s.high5);
    }
    if (row + 6u < t) {
        store(row + 6u, column, s.low6);
        store(row + 6u, column + 4u, s.high6);
    }
    if (row + 7u < t) {
        store(row + 7u, column, s.low7);
        store(row + 7u, column + 4u, s.high7);
    }
}
