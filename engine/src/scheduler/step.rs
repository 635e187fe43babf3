//! The work of one step.

use std::ops::Range;

use super::RequestId;
use super::blocks::{BlockCopy, BlockId};

/// One step's work, and the preparations it needs on the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Preempted requests, which go back to the queue because others need their blocks.
    pub preempted: Vec<RequestId>,
    /// Requests that get a slot.
    pub admitted: Vec<Admitted>,
    /// Blocks to copy before anything is computed.
    pub copies: Vec<BlockCopy>,
    /// New entries of block tables.
    pub tables: Vec<TableEntry>,
    /// Prefill chunks.
    pub prompts: Vec<Part>,
    /// One row per decoding sequence.
    pub answers: Vec<Part>,
    /// True if the device already has the decoding rows, made from its latest samples.
    pub chained: bool,
    /// Set if sequences had to move to other blocks and could not.
    pub lack: Option<Lack>,
}

/// A shortage of free blocks when a sequence had to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Number of blocks that the sequence has.
    pub wanted: usize,
    /// Number of free blocks.
    pub free: usize,
}

/// A request that gets a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Id of the request.
    pub request: RequestId,
    /// Slot that it gets.
    pub slot: usize,
    /// Number of leading ids that are already in the cache.
    pub reused: usize,
    /// True if it ran before and was preempted.
    pub resumed: bool,
}

/// An entry of a sequence's block table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// Slot of the sequence.
    pub slot: usize,
    /// Index into its block table.
    pub index: usize,
    /// Block at that index.
    pub block: BlockId,
}

/// One request's share of a step: a prefill chunk or a decode row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Id of the request.
    pub request: RequestId,
    /// Slot of the request.
    pub slot: usize,
    /// Positions to compute.
    pub range: Range<usize>,
    /// Number of padding positions at the end of `range`. They have no ids; they are computed but never read.
    pub pads: usize,
    /// True if the last position before the padding samples the next id.
    pub picks: bool,
}

impl Part {
    /// Returns the positions that have ids. They are also indices into these ids.
    pub fn known(&self) -> Range<usize> {
        self.range.start..self.range.end - self.pads
    }
}

impl Step {
    /// Returns true if the step computes nothing.
    pub const fn is_empty(&self) -> bool {
        self.prompts.is_empty() && self.answers.is_empty()
    }

    /// Returns the parts in row order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.prompts.iter().chain(&self.answers)
    }

    /// Returns the parts, those of several rows first: these are computed in tiles.
    pub fn tiled_first(&self) -> Vec<Part> {
        let (mut parts, single): (Vec<Part>, Vec<Part>) =
            self.parts().cloned().partition(|part| part.range.len() > 1);
        parts.extend(single);
        parts
    }

    /// Merges adjacent copies into runs, each given as its first copy and its length in blocks. No copy reads
    /// a block that another copy of its run writes.
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

    /// Splits the table entries into runs of adjacent indices in the same table.
    pub fn table_runs(&self) -> impl Iterator<Item = &[TableEntry]> {
        let follows = |a: &TableEntry, b: &TableEntry| a.slot == b.slot && a.index + 1 == b.index;
        self.tables.chunk_by(follows)
    }

    /// Number of ids that the step samples.
    pub fn picks(&self) -> usize {
        self.parts().filter(|part| part.picks).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_runs_merge_adjacent_copies_unless_one_reads_what_another_writes() {
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
