//! Errors in a server's responses.

use serde_json::Value;
use thiserror::Error;

/// Maximum number of characters of a server's message that are shown.
const SHOWN: usize = 300;

/// Error in a server's response.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The response is not JSON of the expected structure.
    #[error("the server's answer can't be read: {why}, in {said:?}")]
    Form {
        /// Parser's error message.
        why: String,
        /// Beginning of the response.
        said: String,
    },
    /// A line is too long, or never ends.
    #[error("the server sends a line of more than {limit} bytes")]
    LongLine {
        /// Maximum length of a line in bytes.
        limit: usize,
    },
    /// Error message that the server sent within a response.
    #[error("{0}")]
    Refused(String),
}

impl ProtocolError {
    pub(super) fn form(why: impl ToString, said: &str) -> Self {
        Self::Form {
            why: why.to_string(),
            said: said.chars().take(SHOWN).collect(),
        }
    }
}

/// Returns the error message in the body of a refused request: that of its error object, or the beginning of
/// any other body.
pub fn refusal(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = json.and_then(|json| json.get("error").map(message));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(SHOWN).collect())
}

/// Returns the message of an error object.
pub(super) fn message(error: &Value) -> String {
    let text = error.get("message").unwrap_or(error);
    text.as_str()
        .map_or_else(|| text.to_string(), str::to_owned)
}
