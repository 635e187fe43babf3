//! A running request, and its next prefill chunk.

use super::blocks::Held;
use super::schedule::{Asked, Turn};
use super::step::Part;

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub asked: Asked,
    pub turn: Turn,
    pub slot: usize,
    pub held: Held,
    /// Number of ids to compute before the first sample.
    pub prompt: usize,
    /// Number of positions to compute before the first sample, including padding.
    pub padded: usize,
    /// First padding position that is not submitted yet, once some are.
    pub pads: usize,
    /// Number of positions whose steps were submitted, whether or not they are done.
    pub issued: usize,
}

impl Running {
    /// Returns true if the host does not know the next row's id yet.
    pub const fn is_unknown(&self) -> bool {
        self.issued >= self.asked.ids.len()
    }

    pub const fn is_prompt(&self) -> bool {
        self.issued < self.prompt
    }

    /// Returns true if more ids may be sampled than those in flight.
    pub const fn goes_on(&self) -> bool {
        self.issued >= self.prompt && self.issued + 1 < self.asked.most
    }

    /// Returns the next prefill chunk, of at most `room` rows. Padding is computed before the chunk that
    /// samples: it comes after the prompt, so no prompt position attends to it.
    pub fn piece(&self, room: usize) -> Part {
        let end = self.padded.min(self.issued + room);
        let behind = self.pads.max(end);
        let is_last = end >= self.prompt;
        let (range, pads) = if is_last && behind < self.padded {
            let range = behind..self.padded.min(behind + room);
            let pads = range.len();
            (range, pads)
        } else {
            (self.issued..end, end.saturating_sub(self.prompt))
        };
        Part {
            request: self.asked.request,
            slot: self.slot,
            picks: is_last && pads < range.len(),
            range,
            pads,
        }
    }
}
