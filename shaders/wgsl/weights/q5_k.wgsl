// Value: d s q - e m, as in q4_k.wgsl. Side words: thirteen per eight blocks: the five of q4_k.wgsl, then the
// fifth bits of each block.

fn side_words(blocks: u32) -> u32 { return (blocks + 7u) / 8u * 13u; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let at = row * side_words(blocks) + block / 8u * 13u;
    let d_e = unpack2x16float(side[at]);
    let s_m = side[at + 1u + block % 8u / 2u] >> (16u * (block & 1u));
    let q = load_quants(row * blocks + block, side[at + 5u + block % 8u]);
    return Block(q, vec2<f32>(d_e.x * f32(s_m & 0xffu)), vec2<f32>(-d_e.y * f32((s_m >> 8u) & 0xffu)));
}
