//! How the page reaches an engine, wherever that lives.

mod cut;
mod desktop;
mod http;
mod made_up;
#[cfg(feature = "mock")]
#[path = "../../tests/mock/mod.rs"]
pub mod mock;
mod server;
mod switch;
mod telling;
mod worker;

pub use desktop::{DesktopClient, in_desktop};
pub use http::models;
pub use server::ServerClient;
pub use switch::SwitchClient;
pub use worker::{WorkerClient, terminate_worker};

use crate::protocol::Command;

/// A file that the user chose, with the path that the platform gives it.
#[derive(Clone, Debug)]
pub struct PageFile {
    /// Its path in the chosen folder, or its name.
    pub path: String,
    /// The platform's handle; its bytes are read where the engine is.
    pub file: web_sys::File,
}

/// An engine as the page sees it: commands in, replies out through the listener that the client
/// was made with. Nothing here waits.
pub trait Client {
    /// Hands over a command, and the files that belong to a `Load`.
    fn send(&self, command: &Command, files: &[PageFile]);

    /// Ends the engine, whatever it does, and starts a new one, which says `Ready` when it is.
    fn restart(&self);
}

/// What is told of every reply.
pub type Listener = std::rc::Rc<dyn Fn(crate::protocol::Reply)>;
