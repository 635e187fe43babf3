//! A server that answers in place of an engine, as far as it is named to whoever asks it; pure.

use std::fmt;

use llamaglass_openai::ServedModel;
use serde::{Deserialize, Serialize};

/// A model of a server, which is all that the page knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerModel {
    /// The server's base, `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// What it says of the model.
    pub model: ServedModel,
}

impl ServerModel {
    /// The machine and its port.
    pub fn host(&self) -> &str {
        host(&self.url)
    }
}

/// What a server wants to know from those who may use it. Never kept, never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// What was typed; `None` for nothing.
    pub fn new(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        (!typed.is_empty()).then(|| Self(typed.to_owned()))
    }

    /// The header's value.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ApiKey(…)")
    }
}

/// The machine and its port in an address.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_stands_between_protocol_and_path() {
        assert_eq!(host("http://127.0.0.1:8000/v1"), "127.0.0.1:8000");
        assert_eq!(host("https://a.org"), "a.org");
    }

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let key = ApiKey::new(" secret ").expect("typed");
        assert_eq!(key.header(), "Bearer secret");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(ApiKey::new("  "), None);
    }
}
