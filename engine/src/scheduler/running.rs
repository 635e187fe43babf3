//! A request that has a slot, and what is computed next of it.

use super::blocks::Held;
use super::schedule::{Asked, Turn};
use super::step::Part;

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub asked: Asked,
    pub turn: Turn,
    pub slot: usize,
    pub held: Held,
    /// Ids that are computed before the first pick.
    pub prompt: usize,
    /// Positions that are, with those behind the ids.
    pub padded: usize,
    /// Where those begin that are not issued yet, once some are.
    pub pads: usize,
    /// Positions whose steps were issued, whether or not they are done.
    pub issued: usize,
}

impl Running {
    /// Whether the host does not know yet what the next row's id is.
    pub const fn is_unknown(&self) -> bool {
        self.issued >= self.asked.ids.len()
    }

    pub const fn is_prompt(&self) -> bool {
        self.issued < self.prompt
    }

    /// Whether another id may be picked besides those that are on their way.
    pub const fn goes_on(&self) -> bool {
        self.issued >= self.prompt && self.issued + 1 < self.asked.most
    }

    /// What is computed next of a prompt, of no more than `room` rows. The last piece picks, so what lies
    /// behind it comes before it: nothing of the prompt sees that.
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
