//! Tests of the block pool.

use super::super::blocks::{BlockCopy, BlockPool, BlockTable};

/// Admits `tokens`, which must fit.
fn admit(pool: &mut BlockPool, tokens: &[u32]) -> (BlockTable, Option<BlockCopy>) {
    pool.admit(tokens).expect("enough free blocks")
}

#[test]
fn pool_continues_a_free_block_in_place_and_copies_a_used_one() {
    let mut pool = BlockPool::new(4, 8, true);
    let tokens: Vec<u32> = (0..12).collect();
    let (mut table, copy) = admit(&mut pool, &tokens);
    assert_eq!((pool.computed(&table), copy), (0, None));
    pool.mark_computed(&mut table, &tokens);
    let blocks = table.blocks.clone();
    pool.release(table);
    let longer: Vec<u32> = (0..15).collect();
    let (table, copy) = admit(&mut pool, &longer);
    assert_eq!((pool.computed(&table), copy), (12, None));
    assert_eq!(table.blocks, blocks);
    // The block is in use, so its leading tokens are copied.
    let other: Vec<u32> = (0..11).chain([99, 98]).collect();
    let (other, copy) = admit(&mut pool, &other);
    assert_eq!(pool.computed(&other), 8 + 3);
    let (from, to) = (blocks[1], other.blocks[1]);
    assert_eq!(copy, Some(BlockCopy { from, to }));
    assert_eq!(other.blocks[0], blocks[0]);
    pool.release(table);
    pool.release(other);
    pool.clear();
    let (table, _) = admit(&mut pool, &longer);
    assert_eq!(pool.computed(&table), 0);
    assert_eq!(pool.free_blocks(), 2);
}

#[test]
fn pool_evicts_ends_before_beginnings_and_oldest_first() {
    let mut pool = BlockPool::new(3, 4, true);
    let reused = |pool: &mut BlockPool, tokens: &[u32]| {
        let (mut table, _) = admit(pool, tokens);
        let reused = pool.computed(&table);
        pool.mark_computed(&mut table, tokens);
        pool.release(table);
        reused
    };
    assert_eq!(reused(&mut pool, &[1, 1, 1, 1, 1]), 0);
    assert_eq!(reused(&mut pool, &[2, 2]), 0);
    // Evicts the end of the first sequence, not its beginning.
    assert_eq!(reused(&mut pool, &[3, 3]), 0);
    assert_eq!(reused(&mut pool, &[1, 1, 1, 1, 5]), 4);
    assert_eq!(reused(&mut pool, &[3, 3, 3]), 2);
    assert_eq!(reused(&mut pool, &[2, 2, 2]), 0);
}

#[test]
fn pool_maps_each_slot_to_a_block_when_blocks_cannot_be_copied() {
    let mut pool = BlockPool::new(2, 32, false);
    let (mut first, _) = admit(&mut pool, &[1, 2, 3]);
    pool.mark_computed(&mut first, &[1, 2, 3]);
    // The block is in use, so it is not shared.
    let (second, copy) = admit(&mut pool, &[1, 2, 3, 4]);
    assert_eq!((pool.computed(&second), copy), (0, None));
    assert!(pool.admit(&[7]).is_none());
    let blocks = first.blocks.clone();
    pool.release(first);
    let (again, _) = admit(&mut pool, &[1, 2, 9, 9]);
    assert_eq!((pool.computed(&again), again.blocks), (2, blocks));
}
