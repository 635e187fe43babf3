// Rows of w are the heads of queries, then keys, then values. Queries and keys are rotated (RoPE,
// arXiv:2104.09864) in pairs (2 i, 2 i + 1); queries go to y, keys and values to the KV cache. CPU reference:
// src/cpu/rope.rs.

// [T, Y_STRIDE] f32: queries
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
// [S, HEAD_DIM/2] f32: cosine, sine
@group(0) @binding(5) var<storage, read> angles: array<vec2<f32>>;
// Blocks of keys and values, in pairs: kv/blocks.wgsl
@group(0) @binding(6) var<storage, read_write> cache: array<Pair>;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(7) var<storage, read> step: array<u32>;

// Stores columns `column` to `column + 3`, as far as they exist; `column` is even.
fn store(row: u32, column: u32, product: vec4<f32>) {
    store_pair(row, column, product.xy);
    store_pair(row, column + 2u, product.zw);
}

fn store_pair(row: u32, column: u32, product: vec2<f32>) {
    // D is even, so both values of a pair belong to one head.
    if (column >= params.out) { return; }
    let pair = product + vec2<f32>(bias(column), bias(column + 1u));
    // Column among those of queries, keys and values.
    let qkv_column = params.y_column + column;
    let head = qkv_column / HEAD_DIM;
    let i = qkv_column % HEAD_DIM;
    let position = row_word(row, ROW_POSITION);
    var rotated = pair;
    if (head < HEADS + KV_HEADS) {
        let angle = angles[position * HALF_DIM + i / 2u];
        rotated = pair * angle.x + vec2<f32>(-pair.y, pair.x) * angle.y;
    }
    if (head < HEADS) {
        let at = row * params.y_stride + qkv_column;
        y[at] = rotated.x;
        y[at + 1u] = rotated.y;
        return;
    }
    let block = block_at(row_word(row, ROW_BLOCKS), position);
    let in_block = position % KV_BLOCK;
    var at = keys_of(head - HEADS) + i / 2u * KV_BLOCK + in_block;
    if (head >= HEADS + KV_HEADS) { at = values_of(head - HEADS - KV_HEADS) + in_block * HALF_DIM + i / 2u; }
    cache[block + at] = packed(rotated);
}
