//! Stub levels that a client handles itself, before the engine receives the request.

use std::cell::Cell;

use llamaglass_types::StubLevel;

use super::{Listener, made_up};
use crate::protocol::{Command, EngineCommand};

/// Cuts requests short at stub levels that lie in front of the engine.
pub struct Cut {
    listener: Listener,
    level: Cell<StubLevel>,
}

impl Cut {
    /// Creates one that cuts nothing yet and sends its stub answers to `listener`.
    pub fn new(listener: Listener) -> Self {
        Self {
            listener,
            level: Cell::default(),
        }
    }

    /// Records the level that a command sets.
    pub fn note(&self, command: &Command) {
        match command {
            Command::Engine(EngineCommand::Load { options, .. }) => self.level.set(options.stub),
            Command::Engine(EngineCommand::SetStub { level }) => self.level.set(*level),
            _ => {}
        }
    }

    /// Sends a stub answer if the path of requests ends at `level`. Returns whether it did.
    pub fn ends(&self, level: StubLevel, command: &Command) -> bool {
        match command {
            Command::Engine(EngineCommand::Submit { tag, request })
                if self.level.get() == level =>
            {
                made_up::answer(&self.listener, *tag, request);
                true
            }
            _ => false,
        }
    }
}
