//! What can be wrong with what a server says.

use serde_json::Value;
use thiserror::Error;

/// The most characters of a server's words that are shown.
const SHOWN: usize = 300;

/// What a server says is not what the protocol has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// Something that is no JSON of the right form.
    #[error("the server's answer can't be read: {why}, in {said:?}")]
    Form {
        /// What is wrong.
        why: String,
        /// The beginning of what it said.
        said: String,
    },
    /// A line that never ends.
    #[error("the server sends a line of more than {limit} bytes")]
    LongLine {
        /// The most that is read.
        limit: usize,
    },
    /// The server's own words for an error, in the midst of an answer.
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

/// What a server says in the body of a refusal, in words: its error object's message, or the beginning
/// of whatever else there is.
pub fn refusal(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = json.and_then(|json| json.get("error").map(message));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(SHOWN).collect())
}

/// The message of an error object.
pub(super) fn message(error: &Value) -> String {
    let text = error.get("message").unwrap_or(error);
    text.as_str()
        .map_or_else(|| text.to_string(), str::to_owned)
}
