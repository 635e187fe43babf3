// Value: d (q - 128), with d an f16. Scale words: one per two blocks, with the d of each.

const SCALE_WORDS: u32 = (BLOCKS + 1u) / 2u;
fn load(row: u32, block: u32) -> Block {
    let word = scales[row * SCALE_WORDS + block / 2u];
    let d = unpack2x16float(word >> (16u * (block & 1u))).x;
    return Block(load_quants(row * BLOCKS + block), vec2<f32>(d), vec2<f32>(-128.0 * d));
}
