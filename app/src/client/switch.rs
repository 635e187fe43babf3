//! Client that sends commands to the page's engine or to a server, whichever the last load named.

use std::cell::Cell;
use std::rc::Rc;

use llamaglass_types::StubLevel;

use super::cut::Cut;
use super::{Client, Listener, PageFile, ServerClient};
use crate::protocol::{Command, EngineCommand, EngineReply, ModelSource, Reply};

/// Sends commands to the engine or to a server.
pub struct SwitchClient {
    engine: Rc<dyn Client>,
    server: ServerClient,
    at_server: Rc<Cell<bool>>,
    cut: Cut,
}

impl SwitchClient {
    /// Creates a client over the engine that `make` returns for a listener.
    pub fn new(listener: Listener, make: impl FnOnce(Listener) -> Rc<dyn Client>) -> Self {
        let at_server = Rc::new(Cell::new(false));
        let (asked, told) = (Rc::clone(&at_server), Rc::clone(&listener));
        let engine = make(Rc::new(move |reply| {
            // A crash of an unused engine is ignored: the next load starts another one.
            if !(asked.get() && matches!(reply, Reply::Engine(EngineReply::Crashed { .. }))) {
                told(reply);
            }
        }));
        Self {
            engine,
            server: ServerClient::new(Listener::clone(&listener)),
            at_server,
            cut: Cut::new(listener),
        }
    }
}

impl Client for SwitchClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        self.cut.note(command);
        if self.cut.ends(StubLevel::Handler, command) {
            return;
        }
        if let Command::Engine(EngineCommand::Load { source, .. }) = command {
            self.at_server
                .set(matches!(source, ModelSource::Server { .. }));
        }
        let of_this_machine = matches!(
            command,
            Command::Engine(EngineCommand::Probe { .. }) | Command::Storage(_) | Command::Window(_)
        );
        if self.at_server.get() && !of_this_machine {
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
