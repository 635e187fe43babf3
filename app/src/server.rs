//! A server that answers in place of an engine in the page: the part that is saved between visits, and the errors
//! of using one; pure.

use llamaglass_openai::{AddressError, ProtocolError};
pub use llamaglass_session::server::{ApiKey, ServerModel, host};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The last server used, as saved between visits: without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedServer {
    /// Base URL.
    pub url: String,
    /// Id of the model.
    pub model: String,
}

/// Reasons why a server can't be used or its answer failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ServerError {
    /// The typed address is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The browser blocks plain http from a page that came over https.
    #[error(
        "{host} can't be used: this page came over https, and browsers block its requests to plain http. Serve over https, or open the page over http."
    )]
    Mixed {
        /// Host of the server.
        host: String,
    },
    /// No answer, for a reason that browsers do not reveal.
    #[error(
        "{host} can't be reached: nothing answers there, or it blocks requests from {origin} (CORS; allow them with llamaglass serve --cors {origin})."
    )]
    Unreachable {
        /// Host of the server.
        host: String,
        /// The page's origin.
        origin: String,
    },
    /// No answer, for a reason that the desktop program knows.
    #[error("{host} can't be reached: {why}")]
    Unanswered {
        /// Host of the server.
        host: String,
        /// The reason in words.
        why: String,
    },
    /// The server answers, but does not allow this page's origin.
    #[error(
        "{host} answers, but it blocks requests from {origin} (CORS). Allow them with llamaglass serve --cors {origin}, or with vLLM's --allowed-origins '[\"{origin}\"]'."
    )]
    Cors {
        /// Host of the server.
        host: String,
        /// The page's origin.
        origin: String,
    },
    /// The server wants an API key, or a different one.
    #[error("{host} requires a valid API key (HTTP {status}).")]
    Key {
        /// Host of the server.
        host: String,
        /// 401 or 403.
        status: u16,
    },
    /// The server answered with an error status.
    #[error("{host} answered HTTP {status}: {message}")]
    Status {
        /// Host of the server.
        host: String,
        /// HTTP status code.
        status: u16,
        /// Message of the server.
        message: String,
    },
    /// The server did not answer in time.
    #[error("{host} has not answered for {seconds} s.")]
    Slow {
        /// Host of the server.
        host: String,
        /// Seconds without an answer.
        seconds: u32,
    },
    /// The server has no models.
    #[error("{host} serves no models.")]
    NoModels {
        /// Host of the server.
        host: String,
    },
    /// The server does not speak the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The browser can't send the request.
    #[error("the request can't be sent: {0}")]
    Request(String),
    /// The connection broke.
    #[error("the connection to {host} was lost: {why}")]
    Broke {
        /// Host of the server.
        host: String,
        /// The reason in words.
        why: String,
    },
    /// The answer ended before it was complete.
    #[error("{host} ended the connection before the answer was complete")]
    Short {
        /// Host of the server.
        host: String,
    },
}

/// Rejects an address that a browser would block: plain http from a page that came over https, except on this
/// machine.
///
/// # Errors
/// Returns [`ServerError::Mixed`].
pub fn check_mixed(page_protocol: &str, url: &str) -> Result<(), ServerError> {
    let host = &*host(url);
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
    fn https_page_reaches_plain_http_only_on_this_machine() {
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
