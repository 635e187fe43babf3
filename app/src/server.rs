//! A server that answers in place of an engine in the page: what is known of it, and why it can't be
//! used, in words; pure.

use std::fmt;

use llamaglass_engine::openai::{AddressError, ProtocolError, ServedModel};
use serde::{Deserialize, Serialize};
use thiserror::Error;

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

/// The server that was used last, as far as a visit keeps it: without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptServer {
    /// Its base.
    pub url: String,
    /// The model's id.
    pub model: String,
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

/// Why a server can't be used, or an answer of it ended.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ServerError {
    /// What was typed is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The browser keeps the page from it.
    #[error(
        "{host} can't be used: this page came over https, and browsers keep such pages from servers over plain http. Give the server https, or open the page over http."
    )]
    Mixed {
        /// The server.
        host: String,
    },
    /// No answer, for a reason that browsers keep to themselves.
    #[error(
        "{host} can't be reached: nothing answers there, or it does not let in pages of {origin} (CORS; llamaglass serve does with --cors {origin})."
    )]
    Unreachable {
        /// The server.
        host: String,
        /// The page's origin.
        origin: String,
    },
    /// It answers, but not for this page.
    #[error(
        "{host} answers, but does not let in pages of {origin} (CORS). llamaglass serve does with --cors {origin}, vLLM with --allowed-origins '[\"{origin}\"]'."
    )]
    Cors {
        /// The server.
        host: String,
        /// The page's origin.
        origin: String,
    },
    /// It wants a key, or another one.
    #[error("{host} wants an API key that it knows ({status}).")]
    Key {
        /// The server.
        host: String,
        /// 401 or 403.
        status: u16,
    },
    /// It refuses.
    #[error("{host} answered {status}: {said}")]
    Status {
        /// The server.
        host: String,
        /// HTTP's number.
        status: u16,
        /// Its own words.
        said: String,
    },
    /// It takes too long.
    #[error("{host} has not answered for {seconds} s.")]
    Slow {
        /// The server.
        host: String,
        /// For how long.
        seconds: u32,
    },
    /// There is nothing to ask.
    #[error("{host} serves no model.")]
    NoModels {
        /// The server.
        host: String,
    },
    /// It does not speak the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The browser does not send the request at all.
    #[error("the request can't be sent: {0}")]
    Request(String),
    /// It was there, and is gone.
    #[error("the connection to {host} broke: {why}")]
    Broke {
        /// The server.
        host: String,
        /// What the browser says.
        why: String,
    },
    /// The answer has no end.
    #[error("{host} ended the connection before the answer was whole")]
    Short {
        /// The server.
        host: String,
    },
}

/// The machine and its port in an address.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Refuses what a browser would not even ask: plain http from a page that came over https, but for this
/// machine itself.
///
/// # Errors
/// [`ServerError::Mixed`].
pub fn check_mixed(page_protocol: &str, url: &str) -> Result<(), ServerError> {
    let host = host(url);
    let name = host.rsplit_once(':').map_or(
        host,
        |(name, port)| {
            if port.ends_with(']') { host } else { name }
        },
    );
    let here = matches!(name, "localhost" | "[::1]")
        || name.ends_with(".localhost")
        || name.starts_with("127.");
    if page_protocol == "https:" && url.starts_with("http:") && !here {
        let host = host.to_owned();
        return Err(ServerError::Mixed { host });
    }
    Ok(())
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
    fn a_page_over_https_reaches_plain_http_on_this_machine_only() {
        for (url, allowed) in [
            ("http://127.0.0.1:8000/v1", true),
            ("http://localhost:8000/v1", true),
            ("http://[::1]:8000/v1", true),
            ("http://[::1]/v1", true),
            ("https://a.org/v1", true),
            ("http://a.org/v1", false),
            ("http://192.168.0.2:8000/v1", false),
        ] {
            assert_eq!(check_mixed("https:", url).is_ok(), allowed, "{url}");
            assert!(check_mixed("http:", url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let key = ApiKey::new(" secret ").expect("typed");
        assert_eq!(key.header(), "Bearer secret");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(ApiKey::new("  "), None);
    }
}
