// Value: d s (q - 32), with d an f16 per eight blocks, s a signed 8-bit number per half of a block. Side words:
// 21 per eight blocks: d, then one per two blocks with their four s, then two words of upper bits per block.

fn side_words(blocks: u32) -> u32 { return (blocks + 7u) / 8u * 21u; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let at = row * side_words(blocks) + block / 8u * 21u;
    let d = unpack2x16float(side[at]).x;
    let s = bitcast<i32>(side[at + 1u + block % 8u / 2u] << (16u - 16u * (block & 1u)));
    let scales = vec2<f32>(vec2<i32>(s << 8u, s) >> vec2<u32>(24u)) * d;
    let uppers = at + 5u + block % 8u * 2u;
    let q = load_quants(row * blocks + block, vec2<u32>(side[uppers], side[uppers + 1u]));
    return Block(q, scales, -32.0 * scales);
}
