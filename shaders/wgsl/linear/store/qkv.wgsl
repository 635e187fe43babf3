// Rows of w are the heads of queries, then keys, then values. Queries and keys are rotated (RoPE,
// arXiv:2104.09864) in pairs (2 i, 2 i + 1); queries go to y, keys and values to the KV cache. CPU reference:
// src/cpu/rope.rs.

// [T, Y_STRIDE] f32: queries
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// [S, D/2] f32: cosine, sine
@group(0) @binding(4) var<storage, read_write> angles: array<vec2<f32>>;
// Blocks of keys and values, in pairs: kv/blocks.wgsl
@group(0) @binding(5) var<storage, read_write> cache: array<Pair>;
// Rows of the step, and the block lists of their sequences: step.wgsl
@group(0) @binding(6) var<storage, read_write> step: array<u32>;
@group(0) @binding(7) var<storage, read_write> info: array<u32>;

// Number of values per row of y.
const Y_STRIDE: u32 = 7u;
// H, K and D.
const HEADS: u32 = 8u;
const KV_HEADS: u32 = 9u;
const HEAD_DIM: u32 = 10u;

// Stores columns `column` to `column + 3`, as far as they exist; `column` is even.
fn store(row: u32, column: u32, product: vec4<f32>) {
    store_pair(row, column, product.xy);
    store_pair(row, column + 2u, product.zw);
}

fn store_pair(row: u32, column: u32, product: vec2<f32>) {
    // D is even, so both values of a pair belong to one head.
    if (column >= info[OUT]) { return; }
    let pair = product + vec2<f32>(bias(column), bias(column + 1u));
    let h = info[HEADS];
    let k = info[KV_HEADS];
    let d = info[HEAD_DIM];
    let of_all = info[COLUMN] + column;
    let head = of_all / d;
    let i = of_all % d;
    let half = d / 2u;
    let position = row_word(row, ROW_POSITION);
    var turned = pair;
    if (head < h + k) {
        let angle = angles[position * half + i / 2u];
        turned = pair * angle.x + vec2<f32>(-pair.y, pair.x) * angle.y;
    }
    if (head < h) {
        let at = row * info[Y_STRIDE] + of_all;
        y[at] = turned.x;
        y[at + 1u] = turned.y;
        return;
    }
    let block = block_at(row_word(row, ROW_BLOCKS), position, k, half);
    let in_block = position % KV_BLOCK;
    var at = keys_of(head - h, half) + i / 2u * KV_BLOCK + in_block;
    if (head >= h + k) { at = values_of(head - h - k, k, half) + in_block * half + i / 2u; }
    cache[block + at] = packed(turned);
}
