//! Errors in a server's responses.

use serde_json::Value;
use thiserror::Error;

/// Maximum number of characters to show of a server's message.
const EXCERPT: usize = 300;

/// Error in a server's response.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The response is not JSON of the expected structure.
    #[error("invalid response from the server: {why}, in {excerpt:?}")]
    Form {
        /// Parser's error message.
        why: String,
        /// Beginning of the response.
        excerpt: String,
    },
    /// A line is too long, or never ends.
    #[error("a line of the response is longer than {limit} bytes")]
    LongLine {
        /// Maximum length of a line in bytes.
        limit: usize,
    },
    /// Error message that the server sent within a response.
    #[error("{0}")]
    Refused(String),
}

impl ProtocolError {
    /// Returns the error of a parser for `body`.
    pub fn form(why: impl ToString, body: &str) -> Self {
        Self::Form {
            why: why.to_string(),
            excerpt: body.chars().take(EXCERPT).collect(),
        }
    }
}

/// Returns the error message in the body of a refused request: that of its error object, or the beginning of
/// any other body.
pub fn response_error(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = json.and_then(|json| json.get("error").map(message));
    message.unwrap_or_else(|| {
        String::from_utf8_lossy(body)
            .chars()
            .take(EXCERPT)
            .collect()
    })
}

/// Returns the message of an error object.
pub(super) fn message(error: &Value) -> String {
    let text = error.get("message").unwrap_or(error);
    text.as_str()
        .map_or_else(|| text.to_string(), str::to_owned)
}
