//! Block pool of the paged KV cache, with prefix caching.
//!
//! A block remembers the ids whose keys and values it holds, and what precedes them, so that a later prompt
//! with the same prefix can reuse it. Free blocks are reused in the order in which they were released, empty
//! ones first.

use std::collections::{BTreeSet, HashMap};

/// Index of a KV cache block.
pub type BlockId = u32;

/// Block that belongs to no sequence. Rows that only fill a tile write here.
pub const NULL_BLOCK: BlockId = 0;

/// Identifies a prefix of a sequence that ends at a block's end. Never reused for a different prefix.
type Content = u64;

/// The empty prefix.
const NOTHING: Content = 0;

/// Allocates blocks to sequences and tracks the contents of each.
#[derive(Clone, Debug)]
pub struct BlockPool {
    /// Positions per block.
    size: usize,
    /// True if the device can copy blocks.
    copies: bool,
    /// Indexed by block id. Includes the null block, which is never allocated.
    blocks: Vec<Block>,
    /// Blocks that hold ids, by the prefix that precedes them.
    after: HashMap<Content, Vec<BlockId>>,
    /// Free blocks, by the time of their release; 0 for empty blocks.
    free: BTreeSet<(u64, BlockId)>,
    next_content: Content,
    next_time: u64,
}

#[derive(Clone, Debug, Default)]
struct Block {
    users: u32,
    /// Time at which the last user released it.
    left: u64,
    before: Content,
    /// Prefix that ends with this block; set once the block is full.
    content: Content,
    ids: Vec<u32>,
}

/// Block table of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Blocks of the sequence, in order.
    pub blocks: Vec<BlockId>,
    /// Number of leading positions that are computed.
    landed: usize,
}

/// A copy of a block's leading positions to another block, to run before the step computes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCopy {
    /// Source block.
    pub from: BlockId,
    /// Destination block.
    pub to: BlockId,
}

/// Cached part of a prompt.
struct Found {
    /// Full blocks that match.
    whole: Vec<BlockId>,
    /// A block that matches up to some id, and how many of its ids match.
    begun: Option<(BlockId, usize)>,
}

impl BlockPool {
    /// Creates a pool of `blocks` free blocks with `size` positions each, plus the null block. `copies` says
    /// whether the device can copy blocks; if it can't, blocks are never shared.
    pub fn new(blocks: usize, size: usize, copies: bool) -> Self {
        let size = size.max(1);
        let mut pool = Self {
            size,
            copies,
            blocks: vec![Block::default(); blocks + 1],
            after: HashMap::new(),
            free: BTreeSet::new(),
            next_content: NOTHING,
            next_time: 0,
        };
        pool.forget();
        pool
    }

    /// Number of free blocks.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Number of blocks, without the null block.
    pub const fn total(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Positions per block.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Returns whether sequences can share a block.
    pub const fn shares(&self) -> bool {
        self.copies
    }

    /// Number of blocks that `positions` need.
    pub const fn blocks_of(&self, positions: usize) -> usize {
        positions.div_ceil(self.size)
    }

    /// Number of positions that the blocks of `held` have.
    pub fn room(&self, held: &Held) -> usize {
        held.blocks.len() * self.size
    }

    /// Allocates blocks for all of `ids`, reusing cached ones. Returns the block table and a copy to run
    /// first, or `None` if too few blocks are free. The last id is always computed, since its logits are
    /// needed.
    pub fn admit(&mut self, ids: &[u32]) -> Option<(Held, Option<BlockCopy>)> {
        let Found { whole, begun } = self.find(ids);
        let freed = whole.iter().filter(|block| self.block(**block).users == 0);
        let wanted = self.blocks_of(ids.len()) - whole.len() + freed.count();
        if wanted > self.free() {
            return None;
        }
        for block in &whole {
            self.take(*block);
        }
        let mut held = Held {
            landed: whole.len() * self.size,
            blocks: whole,
        };
        let mut copy = None;
        if let Some((block, count)) = begun {
            copy = self.admit_begun(&mut held, block, count);
        }
        while held.blocks.len() < self.blocks_of(ids.len()) {
            self.extend(&mut held);
        }
        Some((held, copy))
    }

    /// Reuses the first `count` ids of `block`: in place if nothing is lost by that, otherwise as a copy.
    fn admit_begun(&mut self, held: &mut Held, block: BlockId, count: usize) -> Option<BlockCopy> {
        let Block { users, ids, .. } = self.block(block);
        let loses = ids.len() > count;
        let ids = ids[..count].to_vec();
        let before = self.content_of(held);
        let alone = *users == 0;
        if alone && !(loses && self.copies && self.free() > 1) {
            self.take(block);
            self.empty(block);
            self.fill(block, before, &ids);
            held.blocks.push(block);
            held.landed += count;
            return None;
        }
        if !self.copies {
            return None;
        }
        // Keeps the block from being allocated as the destination of its own copy.
        self.take(block);
        let to = self.allocate();
        self.release_block(block);
        let to = to?;
        self.fill(to, before, &ids);
        held.blocks.push(to);
        held.landed += count;
        Some(BlockCopy { from: block, to })
    }

    /// Returns the slot of `held` if blocks are not copied: block and slot then correspond.
    pub fn slot_of(&self, held: &Held) -> Option<usize> {
        let block = held.blocks.first().filter(|_| !self.copies)?;
        Some(*block as usize - 1)
    }

    /// Appends a block to `held`. Returns whether one was free.
    pub fn extend(&mut self, held: &mut Held) -> bool {
        let Some(block) = self.allocate() else {
            return false;
        };
        held.blocks.push(block);
        true
    }

    /// Replaces all blocks of `held` and returns the copies that this needs, or `None` if too few blocks are
    /// free.
    pub fn relocate(&mut self, held: &mut Held) -> Option<Vec<BlockCopy>> {
        if held.blocks.len() > self.free() {
            return None;
        }
        let mut copies = Vec::with_capacity(held.blocks.len());
        for place in &mut held.blocks {
            let (from, to) = (*place, self.allocate()?);
            let Block { before, ids, .. } = self.block(from);
            let (before, ids) = (*before, ids.clone());
            self.fill(to, before, &ids);
            *place = to;
            copies.push(BlockCopy { from, to });
        }
        for BlockCopy { from, .. } in &copies {
            if self.block(*from).users == 1 {
                // Lookups find the copy instead.
                self.empty(*from);
            }
            self.release_block(*from);
        }
        Some(copies)
    }

    /// Records that the leading positions of `held` now hold `ids`.
    pub fn land(&mut self, held: &mut Held, ids: &[u32]) {
        while held.landed < ids.len() {
            let index = held.landed / self.size;
            let Some(block) = held.blocks.get(index).copied() else {
                return;
            };
            let before = match index.checked_sub(1) {
                Some(index) => self.block(held.blocks[index]).content,
                None => NOTHING,
            };
            let has = held.landed % self.size;
            let end = ids.len().min((index + 1) * self.size);
            // Skip the block if the prefix before it was cleared from the cache.
            if self.block(block).ids.len() == has && (before == NOTHING) == (index == 0) {
                self.fill(block, before, &ids[held.landed..end]);
            }
            held.landed = end;
        }
    }

    /// Number of leading positions that are computed.
    pub const fn landed(&self, held: &Held) -> usize {
        held.landed
    }

    /// Releases the blocks. Their contents stay reusable until the blocks are allocated again.
    pub fn release(&mut self, held: Held) {
        // Release the end first: other prompts are more likely to reuse the beginning.
        for block in held.blocks.into_iter().rev() {
            self.release_block(block);
        }
    }

    /// Clears the contents of all blocks. Blocks in use stay allocated.
    pub fn forget(&mut self) {
        self.after.clear();
        self.free.clear();
        for (id, block) in self.blocks.iter_mut().enumerate() {
            block.ids.clear();
            block.content = NOTHING;
            if block.users == 0 && id as BlockId != NULL_BLOCK {
                block.left = 0;
                self.free.insert((0, id as BlockId));
            }
        }
    }

    /// Finds the longest cached prefix of `ids` without the last id.
    fn find(&self, ids: &[u32]) -> Found {
        let wanted = &ids[..ids.len().saturating_sub(1)];
        let mut found = Found {
            whole: Vec::new(),
            begun: None,
        };
        let mut before = NOTHING;
        loop {
            let rest = &wanted[found.whole.len() * self.size..];
            let next = self.after.get(&before).into_iter().flatten();
            let next = next.filter(|block| self.copies || self.block(**block).users == 0);
            let common = |block: &BlockId| {
                let pairs = self.block(*block).ids.iter().zip(rest);
                pairs.take_while(|(a, b)| a == b).count()
            };
            let best = next.map(|block| (common(block), *block)).max();
            match best {
                Some((count, block)) if count == self.size && self.copies => {
                    found.whole.push(block);
                    before = self.block(block).content;
                }
                Some((count @ 1.., block)) => {
                    found.begun = Some((block, count));
                    return found;
                }
                _ => return found,
            }
        }
    }

    /// Returns the prefix that a sequence's blocks form so far. All of them must be full.
    fn content_of(&self, held: &Held) -> Content {
        held.blocks
            .last()
            .map_or(NOTHING, |block| self.block(*block).content)
    }

    fn block(&self, block: BlockId) -> &Block {
        &self.blocks[block as usize]
    }

    /// Adds a user to a block.
    fn take(&mut self, block: BlockId) {
        let of = &mut self.blocks[block as usize];
        if of.users == 0 {
            self.free.remove(&(of.left, block));
        }
        of.users += 1;
    }

    /// Allocates the free block that is least likely to be reused.
    fn allocate(&mut self) -> Option<BlockId> {
        let (_, block) = self.free.first().copied()?;
        self.take(block);
        self.empty(block);
        Some(block)
    }

    fn release_block(&mut self, block: BlockId) {
        self.next_time += 1;
        let time = self.next_time;
        let of = &mut self.blocks[block as usize];
        of.users = of.users.saturating_sub(1);
        if of.users == 0 {
            of.left = if of.ids.is_empty() { 0 } else { time };
            self.free.insert((of.left, block));
        }
    }

    /// Clears a block's contents.
    fn empty(&mut self, block: BlockId) {
        let of = &mut self.blocks[block as usize];
        if of.ids.is_empty() {
            return;
        }
        of.ids.clear();
        of.content = NOTHING;
        if let Some(siblings) = self.after.get_mut(&of.before) {
            siblings.retain(|sibling| *sibling != block);
            if siblings.is_empty() {
                self.after.remove(&of.before);
            }
        }
    }

    /// Appends `ids` to a block that is empty or follows the prefix `before`.
    fn fill(&mut self, block: BlockId, before: Content, ids: &[u32]) {
        if ids.is_empty() {
            return;
        }
        let siblings = self.after.entry(before).or_default();
        let of = &mut self.blocks[block as usize];
        if of.ids.is_empty() {
            of.before = before;
            siblings.push(block);
        }
        of.ids.extend_from_slice(ids);
        if of.ids.len() < self.size {
            return;
        }
        // Two sequences that computed the same ids share a prefix, so both find what follows it.
        let same = |sibling: &BlockId| {
            let sibling = self.block(*sibling);
            (sibling.content != NOTHING && sibling.ids == self.block(block).ids)
                .then_some(sibling.content)
        };
        let known = self.after[&before].iter().find_map(same);
        let content = known.unwrap_or_else(|| {
            self.next_content += 1;
            self.next_content
        });
        self.blocks[block as usize].content = content;
    }
}
