// Value: d (q - 16), with d an f16. Side words: three per two blocks: the d of each, then the fifth bits of
// each.

fn side_words(blocks: u32) -> u32 { return (blocks + 1u) / 2u * 3u; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let at = row * side_words(blocks) + block / 2u * 3u;
    let second = block & 1u;
    let d = unpack2x16float(side[at] >> (16u * second)).x;
    let q = load_quants(row * blocks + block, side[at + 1u + second]);
    return Block(q, vec2<f32>(d), vec2<f32>(-16.0 * d));
}
