//! Client that sends commands to the page's engine or to a server, whichever the last load named.

use llamaglass_lab::StubLevel;
use std::cell::Cell;
use std::rc::Rc;

use super::server::ServerClient;
use super::stub_responder::StubResponder;
use super::{Client, Listener, PageFile};
use crate::protocol::{Command, EngineCommand, EngineReply, ModelSource, Reply};

/// Sends commands to the engine or to a server.
pub struct SwitchClient {
    engine: Rc<dyn Client>,
    server: ServerClient,
    at_server: Rc<Cell<bool>>,
    stubs: StubResponder,
}

impl SwitchClient {
    /// Creates a client over the engine that `make` returns for a listener.
    pub fn new(listener: Listener, make: impl FnOnce(Listener) -> Rc<dyn Client>) -> Self {
        let at_server = Rc::new(Cell::new(false));
        let (is_at_server, forward) = (Rc::clone(&at_server), Rc::clone(&listener));
        let engine = make(Rc::new(move |reply| {
            // A crash of an unused engine is ignored: the next load starts another one.
            if !(is_at_server.get() && matches!(reply, Reply::Engine(EngineReply::Crashed { .. })))
            {
                forward(reply);
            }
        }));
        Self {
            engine,
            server: ServerClient::new(Listener::clone(&listener)),
            at_server,
            stubs: StubResponder::new(listener),
        }
    }
}

impl Client for SwitchClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        self.stubs.observe(command);
        if self.stubs.answers(StubLevel::Handler, command) {
            return;
        }
        if let Command::Engine(EngineCommand::Load { source, .. }) = command {
            self.at_server
                .set(matches!(source, ModelSource::Server { .. }));
        }
        let is_local = matches!(
            command,
            Command::Engine(EngineCommand::Probe { .. }) | Command::Storage(_) | Command::Window(_)
        );
        if self.at_server.get() && !is_local {
            self.server.send(command, files);
        } else {
            self.engine.send(command, files);
        }
    }

    fn restart(&self) {
        self.at_server.set(false);
        self.server.stop();
        self.engine.restart();
    }
}
