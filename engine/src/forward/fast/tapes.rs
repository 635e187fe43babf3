//! What is recorded once and replayed step by step.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::super::gpu::{Gpu, Tape};
use super::super::pick::PickWay;

/// What is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Taped {
    /// A decode step up to its logits.
    Decode,
    /// The picks from them.
    Pick(PickWay),
}

/// What was recorded.
#[derive(Debug)]
pub struct Tapes {
    /// By the number of rows.
    all: RefCell<HashMap<(Taped, usize), Rc<Tape>>>,
    /// How often a decode step was recorded.
    pub recordings: Cell<u64>,
    /// Whether it is used again, or recorded anew each time.
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
    /// `what` there is for `count` rows: what `launch` launches, recorded where it was not yet.
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
