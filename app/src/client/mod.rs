//! Clients of an engine: in a worker, in the desktop program, or on a server.

mod desktop;
mod event_decoder;
mod http;
mod interface;
#[cfg(feature = "mock")]
#[path = "../../tests/mock/mod.rs"]
pub mod mock;
mod server;
mod stub_responder;
mod switch;
mod worker;

pub use desktop::{DesktopClient, in_desktop};
pub use http::models;
pub use interface::{Client, Listener, PageFile};
pub use server::ServerClient;
pub use switch::SwitchClient;
pub use worker::{WorkerClient, terminate_worker};
