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

    /// How many ids are picked.
    pub fn picks(&self) -> usize {
        self.parts().filter(|part| part.picks).count()
    }
}
