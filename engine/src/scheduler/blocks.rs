//! Block pool of the paged KV cache, with prefix caching.
//!
//! Each block stores the tokens whose keys and values it holds and the prefix before them, so that a later
//! prompt with the same prefix can reuse it. Empty blocks are allocated first, then the least recently used.

use std::collections::{BTreeSet, HashMap};

/// Index of a KV cache block.
pub type BlockId = u32;

/// Block that is never allocated. Rows that only fill a tile write to it.
pub const NULL_BLOCK: BlockId = 0;

/// Identifies a prefix that fills whole blocks. Equal prefixes have equal ids, and no id is reused.
type PrefixId = u64;

const EMPTY_PREFIX: PrefixId = 0;

/// Allocates blocks to sequences and tracks the contents of each block.
#[derive(Clone, Debug)]
pub struct BlockPool {
    /// Positions per block.
    block_size: usize,
    /// True if the device can copy blocks.
    can_copy: bool,
    /// Indexed by block id. Includes the null block.
    blocks: Vec<Block>,
    /// Blocks that hold tokens, by the prefix that precedes them.
    by_prefix: HashMap<PrefixId, Vec<BlockId>>,
    /// Free blocks with the time of their release, which is 0 for empty blocks.
    free: BTreeSet<(u64, BlockId)>,
    last_prefix: PrefixId,
    last_release: u64,
}

#[derive(Clone, Debug, Default)]
struct Block {
    users: u32,
    /// Time at which the last user released it.
    released: u64,
    /// Prefix before this block.
    prefix: PrefixId,
    /// Prefix that ends with this block; [`EMPTY_PREFIX`] until the block is full.
    full_prefix: PrefixId,
    tokens: Vec<u32>,
}

/// Block table of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockTable {
    /// Blocks of the sequence, in order.
    pub blocks: Vec<BlockId>,
    /// Number of leading positions that are computed.
    computed: usize,
}

/// A copy of a block's keys and values to another block. It runs before the step computes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCopy {
    /// Source block.
    pub from: BlockId,
    /// Destination block.
    pub to: BlockId,
}

/// Cached prefix of a prompt.
#[derive(Default)]
struct CachedPrefix {
    /// Blocks that match in full.
    full: Vec<BlockId>,
    /// Block that follows them, and how many of its leading tokens match.
    partial: Option<(BlockId, usize)>,
}

impl BlockPool {
    /// Creates a pool of `blocks` free blocks with `block_size` positions each, plus the null block.
    ///
    /// Blocks are shared between sequences only if the device can copy blocks (`can_copy`).
    pub fn new(blocks: usize, block_size: usize, can_copy: bool) -> Self {
        let mut pool = Self {
            block_size: block_size.max(1),
            can_copy,
            blocks: vec![Block::default(); blocks + 1],
            by_prefix: HashMap::new(),
            free: BTreeSet::new(),
            last_prefix: EMPTY_PREFIX,
            last_release: 0,
        };
        pool.clear();
        pool
    }

    /// Number of free blocks.
    pub fn free_blocks(&self) -> usize {
        self.free.len()
    }

    /// Returns the free blocks that hold no cached tokens.
    pub fn empty_blocks(&self) -> impl Iterator<Item = BlockId> {
        let empty = self.free.iter().take_while(|(released, _)| *released == 0);
        empty.map(|(_, block)| *block)
    }

    /// Number of blocks, without the null block.
    pub const fn total_blocks(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Positions per block.
    pub const fn block_size(&self) -> usize {
        self.block_size
    }

    /// Returns true if sequences can share blocks.
    pub const fn shares_blocks(&self) -> bool {
        self.can_copy
    }

    /// Number of blocks that `positions` need.
    pub const fn blocks_for(&self, positions: usize) -> usize {
        positions.div_ceil(self.block_size)
    }

    /// Number of positions in the blocks of `table`.
    pub fn capacity(&self, table: &BlockTable) -> usize {
        table.blocks.len() * self.block_size
    }

    /// Allocates blocks for `tokens`, reusing cached ones. Returns the block table and a copy to run first,
    /// or `None` if too few blocks are free.
    ///
    /// The last token is never taken from the cache, because its logits are needed.
    pub fn admit(&mut self, tokens: &[u32]) -> Option<(BlockTable, Option<BlockCopy>)> {
        let CachedPrefix { full, partial } = self.find_prefix(tokens);
        let unused = full.iter().filter(|block| self.block(**block).users == 0);
        let needed = self.blocks_for(tokens.len()) - full.len() + unused.count();
        if needed > self.free_blocks() {
            return None;
        }
        for block in &full {
            self.acquire(*block);
        }
        let mut table = BlockTable {
            computed: full.len() * self.block_size,
            blocks: full,
        };
        let mut copy = None;
        if let Some((block, count)) = partial {
            copy = self.reuse_partial(&mut table, block, count);
        }
        while table.blocks.len() < self.blocks_for(tokens.len()) {
            self.append_block(&mut table);
        }
        Some((table, copy))
    }

    /// Reuses the first `count` tokens of `block`: in place if that loses no cached token, otherwise as a copy.
    fn reuse_partial(
        &mut self,
        table: &mut BlockTable,
        block: BlockId,
        count: usize,
    ) -> Option<BlockCopy> {
        let Block { users, tokens, .. } = self.block(block);
        let has_more = tokens.len() > count;
        let tokens = tokens[..count].to_vec();
        let prefix = self.full_prefix(table);
        let unused = *users == 0;
        if unused && !(has_more && self.can_copy && self.free_blocks() > 1) {
            self.acquire(block);
            self.clear_block(block);
            self.append_tokens(block, prefix, &tokens);
            table.blocks.push(block);
            table.computed += count;
            return None;
        }
        if !self.can_copy {
            return None;
        }
        // Hold the block so that it is not allocated as the destination of its own copy.
        self.acquire(block);
        let to = self.allocate();
        self.release_block(block);
        let to = to?;
        self.append_tokens(to, prefix, &tokens);
        table.blocks.push(to);
        table.computed += count;
        Some(BlockCopy { from: block, to })
    }

    /// Returns the slot that `table` must use, if blocks can't be copied: each slot then has its own block.
    pub fn slot_of(&self, table: &BlockTable) -> Option<usize> {
        let block = table.blocks.first().filter(|_| !self.can_copy)?;
        Some(*block as usize - 1)
    }

    /// Appends a block to `table`. Returns false if no block is free.
    pub fn append_block(&mut self, table: &mut BlockTable) -> bool {
        let Some(block) = self.allocate() else {
            return false;
        };
        table.blocks.push(block);
        true
    }

    /// Records that the leading positions of `table` now hold `tokens`.
    pub fn mark_computed(&mut self, table: &mut BlockTable, tokens: &[u32]) {
        while table.computed < tokens.len() {
            let index = table.computed / self.block_size;
            let Some(block) = table.blocks.get(index).copied() else {
                return;
            };
            let prefix = match index.checked_sub(1) {
                Some(index) => self.block(table.blocks[index]).full_prefix,
                None => EMPTY_PREFIX,
            };
            let filled = table.computed % self.block_size;
            let end = tokens.len().min((index + 1) * self.block_size);
            // Skip the block if the prefix before it was cleared from the cache.
            let has_prefix = (prefix == EMPTY_PREFIX) == (index == 0);
            if has_prefix && self.block(block).tokens.len() == filled {
                self.append_tokens(block, prefix, &tokens[table.computed..end]);
            }
            table.computed = end;
        }
    }

    /// Number of leading positions of `table` that are computed.
    pub const fn computed(&self, table: &BlockTable) -> usize {
        table.computed
    }

    /// Releases the blocks of `table`. Their contents stay cached until the blocks are allocated again.
    pub fn release(&mut self, table: BlockTable) {
        // Release the last block first: other prompts are more likely to reuse the first ones.
        for block in table.blocks.into_iter().rev() {
            self.release_block(block);
        }
    }

    /// Clears the contents of all blocks. Blocks in use stay allocated.
    pub fn clear(&mut self) {
        self.by_prefix.clear();
        self.free.clear();
        for (id, block) in self.blocks.iter_mut().enumerate() {
            block.tokens.clear();
            block.full_prefix = EMPTY_PREFIX;
            if block.users == 0 && id as BlockId != NULL_BLOCK {
                block.released = 0;
                self.free.insert((0, id as BlockId));
            }
        }
    }

    /// Finds the longest cached prefix of `tokens`, without the last token.
    fn find_prefix(&self, tokens: &[u32]) -> CachedPrefix {
        let tokens = &tokens[..tokens.len().saturating_sub(1)];
        let mut cached = CachedPrefix::default();
        let mut prefix = EMPTY_PREFIX;
        loop {
            let rest = &tokens[cached.full.len() * self.block_size..];
            let next = self.by_prefix.get(&prefix).into_iter().flatten();
            let next = next.filter(|block| self.can_copy || self.block(**block).users == 0);
            let common = |block: &BlockId| {
                let pairs = self.block(*block).tokens.iter().zip(rest);
                pairs.take_while(|(a, b)| a == b).count()
            };
            let best = next.map(|block| (common(block), *block)).max();
            match best {
                Some((count, block)) if count == self.block_size && self.can_copy => {
                    cached.full.push(block);
                    prefix = self.block(block).full_prefix;
                }
                Some((count @ 1.., block)) => {
                    cached.partial = Some((block, count));
                    return cached;
                }
                _ => return cached,
            }
        }
    }

    /// Returns the prefix that the blocks of `table` form. All of them must be full.
    fn full_prefix(&self, table: &BlockTable) -> PrefixId {
        let last = table.blocks.last();
        last.map_or(EMPTY_PREFIX, |block| self.block(*block).full_prefix)
    }

    fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id as usize]
    }

    /// Adds a user to a block.
    fn acquire(&mut self, id: BlockId) {
        let block = &mut self.blocks[id as usize];
        if block.users == 0 {
            self.free.remove(&(block.released, id));
        }
        block.users += 1;
    }

    /// Allocates an empty block or, if there is none, the least recently used one.
    fn allocate(&mut self) -> Option<BlockId> {
        let (_, id) = self.free.first().copied()?;
        self.acquire(id);
        self.clear_block(id);
        Some(id)
    }

    fn release_block(&mut self, id: BlockId) {
        self.last_release += 1;
        let now = self.last_release;
        let block = &mut self.blocks[id as usize];
        block.users = block.users.saturating_sub(1);
        if block.users == 0 {
            block.released = if block.tokens.is_empty() { 0 } else { now };
            self.free.insert((block.released, id));
        }
    }

    /// Clears a block's contents.
    fn clear_block(&mut self, id: BlockId) {
        let block = &mut self.blocks[id as usize];
        if block.tokens.is_empty() {
            return;
        }
        block.tokens.clear();
        block.full_prefix = EMPTY_PREFIX;
        if let Some(siblings) = self.by_prefix.get_mut(&block.prefix) {
            siblings.retain(|sibling| *sibling != id);
            if siblings.is_empty() {
                self.by_prefix.remove(&block.prefix);
            }
        }
    }

    /// Appends `tokens` to a block that is empty or already follows `prefix`.
    fn append_tokens(&mut self, id: BlockId, prefix: PrefixId, tokens: &[u32]) {
        if tokens.is_empty() {
            return;
        }
        let siblings = self.by_prefix.entry(prefix).or_default();
        let block = &mut self.blocks[id as usize];
        if block.tokens.is_empty() {
            block.prefix = prefix;
            siblings.push(id);
        }
        block.tokens.extend_from_slice(tokens);
        if block.tokens.len() < self.block_size {
            return;
        }
        // Blocks with the same tokens after the same prefix share an id, so that lookups find what follows either.
        let same = |sibling: &BlockId| {
            let sibling = self.block(*sibling);
            (sibling.full_prefix != EMPTY_PREFIX && sibling.tokens == self.block(id).tokens)
                .then_some(sibling.full_prefix)
        };
        let known = self.by_prefix[&prefix].iter().find_map(same);
        let full_prefix = known.unwrap_or_else(|| {
            self.last_prefix += 1;
            self.last_prefix
        });
        self.blocks[id as usize].full_prefix = full_prefix;
    }
}
