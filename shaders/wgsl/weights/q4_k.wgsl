// Value: d s q - e m, with d and e f16 per eight blocks, s and m 6 bits per block. Scale words: five per eight
// blocks: d and e, then one per two blocks with the bytes s, m, s, m.

const SCALE_WORDS: u32 = (BLOCKS + 7u) / 8u * 5u;
fn load(row: u32, block: u32) -> Block {
    let at = row * SCALE_WORDS + block / 8u * 5u;
    let d_e = unpack2x16float(scales[at]);
    let s_m = scales[at + 1u + block % 8u / 2u] >> (16u * (block & 1u));
    let q = load_quants(row * BLOCKS + block);
    return Block(q, vec2<f32>(d_e.x * f32(s_m & 0xffu)), vec2<f32>(-d_e.y * f32((s_m >> 8u) & 0xffu)));
}
