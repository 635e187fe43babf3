//! A server that answers in place of an engine, as the page names it; no I/O.

use std::fmt;

use llamaglass_openai::ServedModel;
pub use llamaglass_openai::host;
use serde::{Deserialize, Serialize};

/// A model on a server; the page knows nothing else of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerModel {
    /// Base URL of the server, such as `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// The server's description of the model.
    pub model: ServedModel,
}

impl ServerModel {
    /// Returns the host and port of the server.
    pub fn host(&self) -> String {
        host(&self.url)
    }
}

/// An API key. It is never stored and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// Creates a key from typed text; `None` if it is empty.
    pub fn new(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        (!typed.is_empty()).then(|| Self(typed.to_owned()))
    }

    /// Returns the value of the `Authorization` header.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_key_is_sent_but_never_shown() {
        let key = ApiKey::new(" secret ").expect("typed");
        assert_eq!(key.header(), "Bearer secret");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(ApiKey::new("  "), None);
    }
}
