// Value: d s q - e m, as in q4_k.wgsl. Scale words: thirteen per eight blocks: the five of q4_k.wgsl, then the
// fifth bits of each block.

const SCALE_WORDS: u32 = (BLOCKS + 7u) / 8u * 13u;
fn load(row: u32, block: u32) -> Block {
    let at = row * SCALE_WORDS + block / 8u * 13u;
    let d_e = unpack2x16float(scales[at]);
    let s_m = scales[at + 1u + block % 8u / 2u] >> (16u * (block & 1u));
    let q = load_quants(row * BLOCKS + block, scales[at + 5u + block % 8u]);
    return Block(q, vec2<f32>(d_e.x * f32(s_m & 0xffu)), vec2<f32>(-d_e.y * f32((s_m >> 8u) & 0xffu)));
}
