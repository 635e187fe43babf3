// Value: d (q - 8), with d an f16. Side words: one per two blocks, with the d of each.

fn side_words(blocks: u32) -> u32 { return (blocks + 1u) / 2u; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let word = side[row * side_words(blocks) + block / 2u];
    let d = unpack2x16float(word >> (16u * (block & 1u))).x;
    return Block(load_quants(row * blocks + block), vec2<f32>(d), vec2<f32>(-8.0 * d));
}
