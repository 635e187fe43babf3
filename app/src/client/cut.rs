//! The stub levels that a client places itself, before its engine hears of a request.

use std::cell::Cell;

use llamaglass_engine::StubLevel;

use super::{Listener, made_up};
use crate::protocol::Command;

/// Where the path of requests is cut short, as far as that is before the engine.
pub struct Cut {
    listener: Listener,
    level: Cell<StubLevel>,
}

impl Cut {
    /// Nowhere yet; tells `listener` what is made up.
    pub fn new(listener: Listener) -> Self {
        Self {
            listener,
            level: Cell::default(),
        }
    }

    /// Notes the level that a command sets.
    pub fn note(&self, command: &Command) {
        match command {
            Command::Load { options, .. } => self.level.set(options.stub),
            Command::SetStub { level } => self.level.set(*level),
            _ => {}
        }
    }

    /// Makes an answer up where the path ends at `level`; whether it did.
    pub fn ends(&self, level: StubLevel, command: &Command) -> bool {
        match command {
            Command::Submit { tag, request } if self.level.get() == level => {
                made_up::answer(&self.listener, *tag, request);
                true
            }
            _ => false,
        }
    }
}
