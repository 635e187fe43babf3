//! A running sequence and its next prefill chunk.

use super::blocks::BlockTable;
use super::queue::{QueueKey, QueuedRequest};
use super::step::ScheduledChunk;

#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub request: QueuedRequest,
    pub key: QueueKey,
    pub slot: usize,
    pub table: BlockTable,
    /// Number of tokens to compute before the first sample. After a preemption, this includes earlier samples.
    pub prompt_len: usize,
    /// Number of positions whose steps were submitted, finished or not.
    pub submitted: usize,
}

impl Sequence {
    /// Returns true if the next row's token is a sample that the host has not received yet.
    pub const fn awaits_sample(&self) -> bool {
        self.submitted >= self.request.tokens.len()
    }

    pub const fn is_prefilling(&self) -> bool {
        self.submitted < self.prompt_len
    }

    /// Returns true if the sequence needs more samples than the submitted steps produce.
    pub const fn is_decoding(&self) -> bool {
        self.submitted >= self.prompt_len && self.submitted + 1 < self.request.max_len
    }

    /// Returns the next prefill chunk, of at most `max_rows` rows.
    pub fn next_chunk(&self, max_rows: usize) -> ScheduledChunk {
        let end = self.prompt_len.min(self.submitted + max_rows);
        ScheduledChunk {
            request: self.request.id,
            slot: self.slot,
            range: self.submitted..end,
            samples: end == self.prompt_len,
        }
    }
}
