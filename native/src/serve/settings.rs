//! What a server allows its clients.

use std::path::PathBuf;

use crate::cli::ServeArgs;

/// What a server allows its clients.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// What clients have to send as their key.
    pub api_key: Option<String>,
    /// The most requests that wait.
    pub max_queue: usize,
    /// The most connections.
    pub max_connections: usize,
    /// The most seconds that an answer takes.
    pub max_seconds: f64,
    /// The most bytes of a body.
    pub max_body: usize,
    /// Refuse requests with unknown fields.
    pub strict: bool,
    /// Names by which clients may call the server, besides its addresses.
    pub allow_host: Vec<String>,
    /// Origins whose pages may use the server.
    pub cors: Vec<String>,
    /// A folder with the built page.
    pub page: Option<PathBuf>,
}

impl ServeSettings {
    /// For clients of this program only.
    pub const fn for_ourselves() -> Self {
        Self {
            api_key: None,
            max_queue: 1 << 16,
            max_connections: 1 << 16,
            max_seconds: 1e6,
            max_body: 4 << 20,
            strict: false,
            allow_host: Vec::new(),
            cors: Vec::new(),
            page: None,
        }
    }
}

impl From<&ServeArgs> for ServeSettings {
    fn from(args: &ServeArgs) -> Self {
        Self {
            api_key: args.api_key.clone(),
            max_queue: args.max_queue,
            max_connections: args.max_connections,
            max_seconds: args.max_seconds,
            max_body: args.max_body,
            strict: args.strict,
            allow_host: args.allow_host.clone(),
            cors: args.cors.clone(),
            page: args.page.clone(),
        }
    }
}
