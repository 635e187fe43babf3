//! A server that answers in place of an engine in the page: what is known of it, and why it can't be
//! used, in words; pure.

use llamaglass_openai::{AddressError, ProtocolError};
pub use llamaglass_session::server::{ApiKey, ServerModel, host};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The server that was used last, as far as a visit keeps it: without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptServer {
    /// Its base.
    pub url: String,
    /// The model's id.
    pub model: String,
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
    /// No answer, and a program that knows why.
    #[error("{host} can't be reached: {why}")]
    Unanswered {
        /// The server.
        host: String,
        /// Why, in words.
        why: String,
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
}
