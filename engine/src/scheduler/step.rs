//! What one step computes.

use std::ops::Range;

use super::RequestId;
use super::blocks::{BlockCopy, BlockId};

/// One step's work, and what has to be done on the device before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Requests that go back to the queue: others needed their blocks.
    pub preempted: Vec<RequestId>,
    /// Requests that got a slot.
    pub admitted: Vec<Admitted>,
    /// Blocks to copy, before anything else.
    pub copies: Vec<BlockCopy>,
    /// Blocks that sequences got.
    pub tables: Vec<TableEntry>,
    /// Pieces of prompts.
    pub prompts: Vec<Part>,
    /// One row of each answer that goes on.
    pub answers: Vec<Part>,
    /// Whether the device itself has the answers' rows, from its last picks.
    pub chained: bool,
    /// Where answers were to be moved and could not be.
    pub lack: Option<Lack>,
}

/// Too few blocks to move a sequence to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Blocks that it has.
    pub wanted: usize,
    /// Blocks without a user.
    pub free: usize,
}

/// A request that got a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The request.
    pub request: RequestId,
    /// Its slot.
    pub slot: usize,
    /// Leading ids that need not be computed.
    pub reused: usize,
    /// Whether it had one before.
    pub resumed: bool,
}

/// An entry of a sequence's table of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// Whose table.
    pub slot: usize,
    /// Which of its blocks.
    pub index: usize,
    /// The block.
    pub block: BlockId,
}

/// What a step computes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The request.
    pub request: RequestId,
    /// Its slot.
    pub slot: usize,
    /// Positions.
    pub range: Range<usize>,
    /// How many of them, at the end, lie behind its ids: computed, and read by nobody.
    pub pads: usize,
    /// Whether the last of the others picks the next id.
    pub picks: bool,
}

impl Part {
    /// The positions that have ids, as indices into these.
    pub fn known(&self) -> Range<usize> {
        self.range.start..self.range.end - self.pads
    }
}

impl Step {
    /// Whether nothing is computed.
    pub const fn is_empty(&self) -> bool {
        self.prompts.is_empty() && self.answers.is_empty()
    }

    /// The parts, in the order of their rows.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.prompts.iter().chain(&self.answers)
    }

    /// The parts, those of several rows first: these are computed in tiles.
    pub fn tiled_first(&self) -> Vec<Part> {
        let (mut parts, single): (Vec<Part>, Vec<Part>) =
            self.parts().cloned().partition(|part| part.range.len() > 1);
        parts.extend(single);
        parts
    }

    /// The copies, those that follow each other as one: the first of them, and how many. None reads what
    /// another of the same run writes.
    pub fn copy_runs(&self) -> Vec<(BlockCopy, usize)> {
        let mut runs: Vec<(BlockCopy, usize)> = Vec::new();
        for copy in &self.copies {
            let follows = |(first, count): &(BlockCopy, usize)| {
                let count = *count as BlockId;
                first.from + count == copy.from
                    && first.to + count == copy.to
                    && first.from.abs_diff(first.to) > count
            };
            match runs.last_mut().filter(|run| follows(run)) {
                Some((_, count)) => *count += 1,
                None => runs.push((*copy, 1)),
            }
        }
        runs
    }

    /// The entries of tables, as far as they follow each other in one.
    pub fn table_runs(&self) -> impl Iterator<Item = &[TableEntry]> {
        let follows = |a: &TableEntry, b: &TableEntry| a.slot == b.slot && a.index + 1 == b.index;
        self.tables.chunk_by(follows)
    }

    /// How many ids are picked.
    pub fn picks(&self) -> usize {
        self.parts().filter(|part| part.picks).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_follow_each_other_are_one_unless_one_reads_what_another_writes() {
        let copies = [[1, 4], [2, 5], [3, 6], [8, 7], [9, 8], [10, 9], [2, 20]];
        let copies = copies.map(|[from, to]| BlockCopy { from, to });
        let step = Step {
            copies: copies.to_vec(),
            ..Step::default()
        };
        let runs = step.copy_runs().into_iter();
        let runs = runs.map(|(first, count)| (first.from, first.to, count));
        let wanted = [(1, 4, 3), (8, 7, 1), (9, 8, 1), (10, 9, 1), (2, 20, 1)];
        assert_eq!(runs.collect::<Vec<_>>(), wanted);
        let entry = |slot, index, block| TableEntry { slot, index, block };
        let step = Step {
            tables: vec![
                entry(0, 0, 3),
                entry(0, 1, 9),
                entry(0, 3, 4),
                entry(1, 4, 5),
            ],
            ..Step::default()
        };
        let runs: Vec<usize> = step.table_runs().map(<[_]>::len).collect();
        assert_eq!(runs, [2, 1, 1]);
    }
}
