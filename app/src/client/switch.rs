//! An engine in the page or a server: whichever the last load named.

use std::cell::Cell;
use std::rc::Rc;

use llamaglass_engine::StubLevel;

use super::{Client, Listener, PageFile, ServerClient, made_up};
use crate::protocol::{Command, ModelSource, Reply};

/// Hands commands to the engine or to a server.
pub struct SwitchClient {
    engine: Rc<dyn Client>,
    server: ServerClient,
    at_server: Rc<Cell<bool>>,
    listener: Listener,
    stub: Cell<StubLevel>,
}

impl SwitchClient {
    /// Over the engine that `make` gives for a listener.
    pub fn new(listener: Listener, make: impl FnOnce(Listener) -> Rc<dyn Client>) -> Self {
        let at_server = Rc::new(Cell::new(false));
        let (asked, told) = (Rc::clone(&at_server), Rc::clone(&listener));
        let engine = make(Rc::new(move |reply| {
            // An engine that nobody uses may crash: the next load starts another one.
            if !(asked.get() && matches!(reply, Reply::Crashed { .. })) {
                told(reply);
            }
        }));
        Self {
            engine,
            server: ServerClient::new(Listener::clone(&listener)),
            at_server,
            listener,
            stub: Cell::default(),
        }
    }
}

impl Client for SwitchClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        match command {
            Command::Load { source, options } => {
                self.at_server
                    .set(matches!(source, ModelSource::Server { .. }));
                self.stub.set(options.stub);
            }
            Command::SetStub { level } => self.stub.set(*level),
            Command::Submit { tag, request } if self.stub.get() == StubLevel::Handler => {
                return made_up::answer(&self.listener, *tag, request);
            }
            _ => {}
        }
        let of_this_machine = matches!(
            command,
            Command::Probe { .. } | Command::StoredModels | Command::DeleteStoredModels
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
