//! Limits and permissions of a server.

use std::path::PathBuf;

use crate::cli::ServeArgs;

/// Limits and permissions of a server.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// API key that clients must send, if one is required.
    pub api_key: Option<String>,
    /// Maximum number of queued requests.
    pub max_queue: usize,
    /// Maximum number of connections.
    pub max_connections: usize,
    /// Maximum duration of an answer in seconds.
    pub max_seconds: f64,
    /// Maximum length of a body in bytes.
    pub max_body: usize,
    /// If true, requests with unknown fields are refused.
    pub strict: bool,
    /// Host names by which clients may address the server, besides its addresses.
    pub allow_host: Vec<String>,
    /// Origins whose pages may use the server.
    pub cors: Vec<String>,
    /// Folder of the built page.
    pub page: Option<PathBuf>,
}

impl ServeSettings {
    /// Settings for a server whose only client is this program.
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
