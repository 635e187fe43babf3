//! Stub levels that a client handles itself, before the engine receives the request.

use llamaglass_lab::{StubLevel, stub_answer};
use std::cell::Cell;

use llamaglass_types::Request;
use llamaglass_types::event::RequestId;

use super::Listener;
use crate::protocol::{Command, EngineCommand, EngineReply, Tag};

/// Maximum number of tokens in a stub answer; no engine limits it.
const MAX_TOKENS: usize = 4096;

/// Answers requests itself at stub levels that lie in front of the engine.
pub struct StubResponder {
    listener: Listener,
    level: Cell<StubLevel>,
}

impl StubResponder {
    /// Creates a responder that answers nothing yet; its answers go to `listener`.
    pub fn new(listener: Listener) -> Self {
        Self {
            listener,
            level: Cell::default(),
        }
    }

    /// Records the stub level if `command` sets one.
    pub fn observe(&self, command: &Command) {
        match command {
            Command::Engine(EngineCommand::Load { stub, .. }) => self.level.set(*stub),
            Command::Engine(EngineCommand::SetStub { level }) => self.level.set(*level),
            _ => {}
        }
    }

    /// Answers a request if the path of requests ends at `level`. Returns whether it did.
    pub fn answers(&self, level: StubLevel, command: &Command) -> bool {
        match command {
            Command::Engine(EngineCommand::Submit { tag, request })
                if self.level.get() == level =>
            {
                answer(&self.listener, *tag, request);
                true
            }
            _ => false,
        }
    }
}

/// Sends a stub answer to `listener`, in a task that starts after the caller is done.
fn answer(listener: &Listener, tag: Tag, request: &Request) {
    let (listener, request) = (Listener::clone(listener), request.clone());
    wasm_bindgen_futures::spawn_local(async move {
        for event in stub_answer(RequestId(tag), &request, MAX_TOKENS) {
            let event = Box::new(event);
            listener(EngineReply::Event { tag, event }.into());
        }
    });
}
