//! Clients of an engine: in a worker, in the desktop program, or on a server.

mod desktop;
mod event_decoder;
mod http;
#[cfg(feature = "mock")]
#[path = "../../tests/mock/mod.rs"]
pub mod mock;
mod server;
mod stub_responder;
mod switch;
mod worker;

use std::rc::Rc;

pub use desktop::{DesktopClient, in_desktop};
pub use http::models;
pub use server::ServerClient;
pub use switch::SwitchClient;
pub use worker::{WorkerClient, terminate_worker};

use crate::protocol::{Command, Reply};

/// A file that the user chose, with the path that the platform gives it.
#[derive(Clone, Debug)]
pub struct PageFile {
    /// Path in the chosen folder, or the file's name.
    pub path: String,
    /// Handle of the platform; the engine's side reads the bytes.
    pub file: web_sys::File,
}

/// An engine as the page sees it: commands go in, and replies come out through the listener that the client was
/// created with. No method blocks.
pub trait Client {
    /// Sends a command, with the files that belong to a `Load`.
    fn send(&self, command: &Command, files: &[PageFile]);

    /// Terminates the engine, whatever it is doing, and starts a new one, which sends `Ready` when it is up.
    fn restart(&self);
}

/// Receives every reply.
pub type Listener = Rc<dyn Fn(Reply)>;
