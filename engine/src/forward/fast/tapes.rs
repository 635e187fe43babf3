//! Recorded launches that are replayed step by step.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::super::gpu::{Gpu, Tape};
use super::super::sampling_mode::SamplingMode;

/// Part of a step that is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Taped {
    /// A decode step up to its logits.
    Decode,
    /// Sampling from the logits.
    Pick(SamplingMode),
}

/// Recorded tapes.
#[derive(Debug)]
pub struct Tapes {
    /// Tapes by part and number of rows.
    all: RefCell<HashMap<(Taped, usize), Rc<Tape>>>,
    /// Number of decode steps recorded.
    pub recordings: Cell<u64>,
    /// True if tapes are replayed, false if they are recorded anew each time.
    pub replays: bool,
}

impl Default for Tapes {
    fn default() -> Self {
        Self {
            all: RefCell::default(),
            recordings: Cell::new(0),
            replays: true,
        }
    }
}

impl Tapes {
    /// Returns the tape `what` for `count` rows, recorded from `launch` if necessary.
    pub fn get(&self, gpu: &Gpu, what: Taped, count: usize, launch: impl FnOnce()) -> Rc<Tape> {
        let known = self.all.borrow().get(&(what, count)).map(Rc::clone);
        if let Some(tape) = known.filter(|_| self.replays) {
            return tape;
        }
        if what == Taped::Decode {
            self.recordings.set(self.recordings.get() + 1);
        }
        let tape = Rc::new(gpu.record(launch));
        let mut all = self.all.borrow_mut();
        all.insert((what, count), Rc::clone(&tape));
        tape
    }
}
