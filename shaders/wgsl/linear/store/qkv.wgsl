// Rows of w are heads of queries, then keys, then values. Queries and keys are turned (RoPE,
// arXiv:2104.09864) in pairs (2 i, 2 i + 1); queries go to y, keys and values to the cache.
// CPU reference: src/cpu/rope.rs.

// [T, Y_STRIDE] f32: queries
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// [S, D/2] f32: cosine, sine
@group(0) @binding(4) var<storage, read_write> angles: array<vec2<f32>>;
// Keys [K, D/2, S], then values [K, S, D/2], in pairs
@group(0) @binding(5) var<storage, read_write> cache: array<Pair>;
// [2 + T] u32: the position, T, the ids
@group(0) @binding(6) var<storage, read_write> step: array<u32>;
@group(0) @binding(7) var<storage, read_write> info: array<u32>;

// Values a row of y has.
const Y_STRIDE: u32 = 7u;
// H, K, D and S.
const HEADS: u32 = 8u;
const KV_HEADS: u32 = 9u;
const HEAD_DIM: u32 = 10u;
const POSITIONS: u32 = 11u;

// Columns `column` to `column + 3`, as far as there are such; `column` is even.
fn store(row: u32, column: u32, product: vec4<f32>) {
    store_pair(row, column, product.xy);
    store_pair(row, column + 2u, product.zw);
}

fn store_pair(row: u32, column: u32, product: vec2<f32>) {
    // D is even, so a pair is of one head.
    if (column >= info[OUT]) { return; }
    let pair = product + vec2<f32>(bias(column), bias(column + 1u));
    let h = info[HEADS];
    let k = info[KV_HEADS];
    let d = info[HEAD_DIM];
    let of_all = info[COLUMN] + column;
    let head = of_all / d;
    let i = of_all % d;
    let position = step[0] + row;
    var turned = pair;
    if (head < h + k) {
        let angle = angles[position * (d / 2u) + i / 2u];
        turned = pair * angle.x + vec2<f32>(-pair.y, pair.x) * angle.y;
    }
    if (head < h) {
        let at = row * info[Y_STRIDE] + of_all;
        y[at] = turned.x;
        y[at + 1u] = turned.y;
        return;
    }
    let s = info[POSITIONS];
    let half = d / 2u;
    var at = ((head - h) * half + i / 2u) * s + position;
    if (head >= h + k) { at = ((head - h) * s + position) * half + i / 2u; }
    cache[at] = packed(turned);
}
