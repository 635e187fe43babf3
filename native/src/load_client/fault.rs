//! Why a request has no whole answer.

use llamaglass_openai::ProtocolError;
use thiserror::Error;

/// Why a request has no whole answer. Equal words are one group in a result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// It took too long.
    #[error("no end within {seconds} s")]
    Timeout {
        /// How long it may take.
        seconds: String,
    },
    /// The run was stopped.
    #[error("stopped")]
    Stopped,
    /// The run was stopped before it was sent.
    #[error("stopped before it was sent")]
    NotSent,
    /// There is no connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broke(String),
    /// The server refused.
    #[error("HTTP {status}: {words}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        words: String,
    },
    /// What came is not what the protocol has, or an error in its words.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The stream ended before the answer did.
    #[error("the stream ended before the answer did")]
    Cut,
    /// More than is kept.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The most.
        limit: usize,
    },
}

impl Fault {
    /// What went wrong with a connection.
    pub fn of_http(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect(words(error))
        } else {
            Self::Broke(words(error))
        }
    }
}

/// The innermost words of an error, without the address, which would be the same in all.
pub fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Seconds as a person would write them.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds}")
}
