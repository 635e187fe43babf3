// Layout of keys and values: blocks of 64 positions with keys [K, D/2, 64] and then values [K, 64, D/2], in
// pairs of neighbouring values of a head.

const KV_BLOCK: u32 = 64u;

// Returns the offset of the block that holds `position`; `blocks` is where the sequence's block list begins.
fn block_at(blocks: u32, position: u32, k: u32, half: u32) -> u32 {
    return step[blocks + position / KV_BLOCK] * (2u * k * half * KV_BLOCK);
}
fn keys_of(head: u32, half: u32) -> u32 { return head * half * KV_BLOCK; }
fn values_of(head: u32, k: u32, half: u32) -> u32 { return (k + head) * half * KV_BLOCK; }
