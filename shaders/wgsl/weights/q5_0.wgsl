// Value: d (q - 16), with d an f16. Scale words: three per two blocks: the d of each, then the fifth bits of
// each.

const SCALE_WORDS: u32 = (BLOCKS + 1u) / 2u * 3u;
fn load(row: u32, block: u32) -> Block {
    let at = row * SCALE_WORDS + block / 2u * 3u;
    let second = block & 1u;
    let d = unpack2x16float(scales[at] >> (16u * second)).x;
    let q = load_quants(row * BLOCKS + block, scales[at + 1u + second]);
    return Block(q, vec2<f32>(d), vec2<f32>(-16.0 * d));
}
