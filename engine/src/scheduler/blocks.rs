//! The blocks of a paged KV cache: who uses which, and what is still in those that nobody does.
//!
//! A block keeps the ids whose keys and values it holds, and what came before them, so that a later
//! prompt with the same beginning finds it. Blocks without a user are reused in the order in which they
//! were left, those that hold nothing first.

use std::collections::{BTreeSet, HashMap};

/// A block of the cache.
pub type BlockId = u32;

/// Belongs to nobody: rows that are there to fill a tile write here.
pub const NULL_BLOCK: BlockId = 0;

/// A beginning of a sequence, up to the end of a block. Never used twice for different ones.
type Content = u64;

/// The beginning without ids.
const NOTHING: Content = 0;

/// Which block holds what, for any number of sequences.
#[derive(Clone, Debug)]
pub struct BlockPool {
    /// Positions of a block.
    size: usize,
    /// Whether blocks can be copied on the device.
    copies: bool,
    /// By id; the null block is there, and never given away.
    blocks: Vec<Block>,
    /// By what came before them, the blocks that hold ids.
    after: HashMap<Content, Vec<BlockId>>,
    /// Blocks without a user, by when they were left; 0 where they hold nothing.
    free: BTreeSet<(u64, BlockId)>,
    next_content: Content,
    next_time: u64,
}

#[derive(Clone, Debug, Default)]
struct Block {
    users: u32,
    /// When its last user left it.
    left: u64,
    before: Content,
    /// What it holds together with what came before; known once it is full.
    content: Content,
    ids: Vec<u32>,
}

/// A sequence's part of the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its blocks, in order.
    pub blocks: Vec<BlockId>,
    /// How many leading positions hold what they are to hold.
    landed: usize,
}

/// A block whose beginning is to be in another one, before anything else is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCopy {
    /// What is copied.
    pub from: BlockId,
    /// Where it is to be.
    pub to: BlockId,
}

/// What of a prompt is in the cache.
struct Found {
    /// Blocks that are wanted as they are.
    whole: Vec<BlockId>,
    /// A block of which so many ids are wanted, less than it has room for.
    begun: Option<(BlockId, usize)>,
}

impl BlockPool {
    /// `blocks` free blocks of `size` positions each, besides the null block. `copies` is whether the
    /// device copies blocks; where it doesn't, no block has two users.
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

    /// How many blocks have no user.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// How many blocks there are.
    pub const fn total(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Positions of a block.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whether a block can have several users.
    pub const fn shares(&self) -> bool {
        self.copies
    }

    /// Blocks that hold `positions`.
    pub const fn blocks_of(&self, positions: usize) -> usize {
        positions.div_ceil(self.size)
    }

    /// Positions that `held` has room for.
    pub fn room(&self, held: &Held) -> usize {
        held.blocks.len() * self.size
    }

    /// Blocks for all of `ids`, and how many leading ones need not be computed; nothing where too few
    /// blocks are free. The last id is always computed: its logits are wanted.
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

    /// Takes `count` ids of `block` over: as it is where nothing is lost with that, else as a copy.
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
        // Not to be given away as the place of its own copy.
        self.take(block);
        let to = self.allocate();
        self.release_block(block);
        let to = to?;
        self.fill(to, before, &ids);
        held.blocks.push(to);
        held.landed += count;
        Some(BlockCopy { from: block, to })
    }

    /// The slot that `held` is, where blocks are not copied: each is a slot's.
    pub fn slot_of(&self, held: &Held) -> Option<usize> {
        let block = held.blocks.first().filter(|_| !self.copies)?;
        Some(*block as usize - 1)
    }

    /// Another block at the end of `held`; whether one was free.
    pub fn extend(&mut self, held: &mut Held) -> bool {
        let Some(block) = self.allocate() else {
            return false;
        };
        held.blocks.push(block);
        true
    }

    /// Other blocks in place of all of `held`, and what has to be copied for that; nothing where too few
    /// are free.
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
                // The copy is found in its place.
                self.empty(*from);
            }
            self.release_block(*from);
        }
        Some(copies)
    }

    /// The first positions of `held` hold `ids` now.
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
            // Not where what came before was forgotten.
            if self.block(block).ids.len() == has && (before == NOTHING) == (index == 0) {
                self.fill(block, before, &ids[held.landed..end]);
            }
            held.landed = end;
        }
    }

    /// How many leading positions hold what they are to hold.
    pub const fn landed(&self, held: &Held) -> usize {
        held.landed
    }

    /// Gives the blocks back. What they hold is found until they are used for something else.
    pub fn release(&mut self, held: Held) {
        // A sequence's end is worth less to others than its beginning.
        for block in held.blocks.into_iter().rev() {
            self.release_block(block);
        }
    }

    /// Forgets what blocks hold; those that have users keep them.
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

    /// What is in the cache of `ids`, but for the last.
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

    /// The beginning that a sequence's blocks so far make, all of which are full.
    fn content_of(&self, held: &Held) -> Content {
        held.blocks
            .last()
            .map_or(NOTHING, |block| self.block(*block).content)
    }

    fn block(&self, block: BlockId) -> &Block {
        &self.blocks[block as usize]
    }

    /// Another user of a block.
    fn take(&mut self, block: BlockId) {
        let of = &mut self.blocks[block as usize];
        if of.users == 0 {
            self.free.remove(&(of.left, block));
        }
        of.users += 1;
    }

    /// The free block that is missed least.
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

    /// A block holds nothing any more.
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

    /// A block that holds nothing, or what came after `before`, holds `ids` besides.
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
        // Where two sequences computed the same, what comes after is found for both.
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
