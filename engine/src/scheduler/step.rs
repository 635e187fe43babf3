//! The work of one step.

use std::ops::Range;

use super::RequestId;
use super::blocks::{BlockCopy, BlockId};

/// One step's work, and the preparations it needs on the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Requests preempted to free their blocks. They are queued again.
    pub preempted: Vec<RequestId>,
    /// Requests that start to run in this step.
    pub admitted: Vec<Admission>,
    /// Blocks to copy before anything is computed.
    pub copies: Vec<BlockCopy>,
    /// Block table entries to write.
    pub table_entries: Vec<TableEntry>,
    /// Prefill chunks.
    pub prefill: Vec<ScheduledChunk>,
    /// One row per decoding sequence.
    pub decode: Vec<ScheduledChunk>,
    /// True if the device makes the decode rows from its latest samples, without input from the host.
    pub chained: bool,
}

/// A request that starts to run, for the first time or after a preemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Id of the request.
    pub request: RequestId,
    /// Slot assigned to it.
    pub slot: usize,
    /// Number of leading tokens found in the prefix cache.
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

/// One sequence's rows in a step: a prefill chunk or a decode row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledChunk {
    /// Id of the request.
    pub request: RequestId,
    /// Slot of the request.
    pub slot: usize,
    /// Positions to compute, which are also indices into the sequence's tokens.
    pub range: Range<usize>,
    /// True if the last position samples a token.
    pub samples: bool,
}

impl Step {
    /// Returns true if the step computes nothing.
    pub const fn is_empty(&self) -> bool {
        self.prefill.is_empty() && self.decode.is_empty()
    }

    /// Returns all chunks in row order.
    pub fn chunks(&self) -> impl Iterator<Item = &ScheduledChunk> {
        self.prefill.iter().chain(&self.decode)
    }

    /// Returns all chunks, those of several rows first, because kernels compute them in tiles.
    pub fn tiled_first(&self) -> Vec<ScheduledChunk> {
        let (mut chunks, single): (Vec<ScheduledChunk>, Vec<ScheduledChunk>) = self
            .chunks()
            .cloned()
            .partition(|chunk| chunk.range.len() > 1);
        chunks.extend(single);
        chunks
    }

    /// Merges copies of adjacent blocks into runs, each given as its first copy and its length in blocks. No
    /// copy reads a block that another copy of the same run writes.
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

    /// Adds entries for all blocks of the table of `slot`.
    pub(super) fn write_table(&mut self, slot: usize, blocks: impl Iterator<Item = BlockId>) {
        let entry = |(index, block)| TableEntry { slot, index, block };
        self.table_entries.extend(blocks.enumerate().map(entry));
    }

    /// Splits the block table entries into runs of consecutive indices of the same table.
    pub fn table_runs(&self) -> impl Iterator<Item = &[TableEntry]> {
        let follows = |a: &TableEntry, b: &TableEntry| a.slot == b.slot && a.index + 1 == b.index;
        self.table_entries.chunk_by(follows)
    }

    /// Number of tokens that the step samples.
    pub fn sample_count(&self) -> usize {
        self.chunks().filter(|chunk| chunk.samples).count()
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
            table_entries: vec![
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
