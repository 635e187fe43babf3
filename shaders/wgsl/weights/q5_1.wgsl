// Value: d q + m, with d and m f16. Scale words: two per block: d and m, then the fifth bits.

fn load(row: u32, block: u32) -> Block {
    let at = row * BLOCKS + block;
    let d_m = unpack2x16float(scales[2u * at]);
    return Block(load_quants(at, scales[2u * at + 1u]), d_m.xx, d_m.yy);
}
