//! Form that finds a server.

use leptos::prelude::*;
use llamaglass_openai::ServedModel;

use crate::server::{SavedServer, ServerModel};

/// Form for a server, with the state of the search.
#[derive(Clone, Copy, Debug)]
pub struct ServerForm {
    /// True if the form is open.
    pub open: RwSignal<bool>,
    /// Address as typed.
    pub url: RwSignal<String>,
    /// API key as typed; never saved.
    pub key: RwSignal<String>,
    /// State of the search.
    pub connection: RwSignal<Connection>,
    /// The server that the page came from, if it is one of ours.
    pub own: RwSignal<Option<OwnServer>>,
}

/// State of the search for a server's models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Not started.
    #[default]
    Idle,
    /// Waiting for the server.
    Searching {
        /// Host and port of the server.
        host: String,
    },
    /// Failed, for this reason.
    Failed(String),
    /// The user has to choose among several models.
    Choose {
        /// Base URL of the server.
        url: String,
        /// Models of the server.
        models: Vec<ServedModel>,
    },
}

/// The server that the page came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnServer {
    /// It serves this model.
    Serves(ServerModel),
    /// It requires an API key.
    NeedsKey,
}

impl ServerForm {
    /// Creates a form from the server that an earlier visit saved.
    pub fn new(saved: Option<&SavedServer>) -> Self {
        Self {
            open: RwSignal::new(false),
            url: RwSignal::new(saved.map(|saved| saved.url.clone()).unwrap_or_default()),
            key: RwSignal::new(String::new()),
            connection: RwSignal::new(Connection::Idle),
            own: RwSignal::new(None),
        }
    }
}
