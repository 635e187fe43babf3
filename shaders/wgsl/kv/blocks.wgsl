// Layout of keys and values: blocks of 64 positions with keys [KV_HEADS, HEAD_DIM/2, 64] and then values
// [KV_HEADS, 64, HEAD_DIM/2], in pairs of neighbouring values of a head. Constants: HEADS, KV_HEADS, HEAD_DIM.

const KV_BLOCK: u32 = 64u;
const HALF_DIM: u32 = HEAD_DIM / 2u;

// Returns the offset of the block that holds `position`; `table` is where the sequence's block table begins.
fn block_at(table: u32, position: u32) -> u32 {
    return step[table + position / KV_BLOCK] * (2u * KV_HEADS * HALF_DIM * KV_BLOCK);
}
fn keys_of(head: u32) -> u32 { return head * HALF_DIM * KV_BLOCK; }
fn values_of(head: u32) -> u32 { return (KV_HEADS + head) * HALF_DIM * KV_BLOCK; }
