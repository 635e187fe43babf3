// Value: d q + m, with d and m f16. Side words: one per block, with d and m.

fn side_words(blocks: u32) -> u32 { return blocks; }
fn load(row: u32, block: u32, blocks: u32) -> Block {
    let at = row * blocks + block;
    let d_m = unpack2x16float(side[at]);
    return Block(load_quants(at), d_m.xx, d_m.yy);
}
