// Value: d q + m, with d and m f16. Scale words: one per block, with d and m.

fn load(row: u32, block: u32) -> Block {
    let at = row * BLOCKS + block;
    let d_m = unpack2x16float(scales[at]);
    return Block(load_quants(at), d_m.xx, d_m.yy);
}
