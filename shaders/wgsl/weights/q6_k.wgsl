// Value: d s (q - 32), with d an f16 per eight blocks, s a signed 8-bit number per half of a block. Scale words:
// 21 per eight blocks: d, then one per two blocks with their four s, then two words of upper bits per block.

const SCALE_WORDS: u32 = (BLOCKS + 7u) / 8u * 21u;
fn load(row: u32, block: u32) -> Block {
    let at = row * SCALE_WORDS + block / 8u * 21u;
    let d = unpack2x16float(scales[at]).x;
    let s = bitcast<i32>(scales[at + 1u + block % 8u / 2u] << (16u - 16u * (block & 1u)));
    let by_half = vec2<f32>(vec2<i32>(s << 8u, s) >> vec2<u32>(24u)) * d;
    let uppers = at + 5u + block % 8u * 2u;
    let q = load_quants(row * BLOCKS + block, vec2<u32>(scales[uppers], scales[uppers + 1u]));
    return Block(q, by_half, -32.0 * by_half);
}
