// Value: d q + m, with d and m f16. Side words: two per block: d and m, then the fifth bits.

fn side_words(blocks: u32) -> u32 { return 2u * blocks; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let at = row * blocks + block;
    let d_m = unpack2x16float(side[2u * at]);
    return Block(load_quants(at, side[2u * at + 1u]), d_m.xx, d_m.yy);
}
