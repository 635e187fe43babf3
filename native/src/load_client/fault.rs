//! Reasons why a request has no complete answer.

use llamaglass_openai::ProtocolError;
use thiserror::Error;

/// Reason why a request has no complete answer. Results group requests by the text of the reason.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// The answer took too long.
    #[error("no complete answer within {seconds} s")]
    Timeout {
        /// Time limit in seconds.
        seconds: String,
    },
    /// The run was stopped during the request.
    #[error("stopped")]
    Stopped,
    /// The run was stopped before the request was sent.
    #[error("stopped before sending")]
    NotSent,
    /// No connection could be made.
    #[error("connection failed: {0}")]
    Connect(String),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Broke(String),
    /// The server returned an error status.
    #[error("HTTP {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The answer violates the protocol, or is an error in the protocol's form.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The stream ended before the answer did.
    #[error("the stream ended before the answer did")]
    Cut,
    /// The answer is too long to be kept.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// Maximum length in bytes.
        limit: usize,
    },
}

impl Fault {
    /// Classifies an error of the HTTP client.
    pub fn of_http(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect(http_error(error))
        } else {
            Self::Broke(http_error(error))
        }
    }
}

/// Returns the innermost message of an error without the URL, which would be the same for all.
pub fn http_error(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "timed out".into();
    }
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Formats seconds without trailing zeros.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds}")
}
