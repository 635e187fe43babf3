//! Messages of a conversation in the form that clients send.

use llamaglass_engine::tokenizer::Message;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::api_error::ApiError;

/// Fields of a message that ask for tools or audio; accepted only if they are null or an empty list.
const UNSUPPORTED: [&str; 3] = ["audio", "function_call", "tool_calls"];

/// A message of the conversation.
#[derive(Debug, Deserialize)]
pub struct Turn {
    role: String,
    content: Option<Content>,
    /// Distinguishes participants with the same role; chat templates don't use it.
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    /// Part of an earlier answer that clients send back.
    #[serde(rename = "refusal")]
    _refusal: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
struct ContentPart {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

impl Content {
    fn text(self) -> Result<String, ApiError> {
        let parts = match self {
            Self::Text(text) => return Ok(text),
            Self::Parts(parts) => parts,
        };
        let text = |part: ContentPart| match (part.kind.as_str(), part.text) {
            ("text", Some(text)) => Ok(text),
            (kind, _) => {
                let message = format!("content of type {kind:?} is not supported, only text");
                Err(ApiError::invalid("messages", message))
            }
        };
        parts.into_iter().map(text).collect()
    }
}

impl Turn {
    /// Returns the message for the template, and adds the names of its unknown fields to `ignored`.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] if the message has content other than text, or asks for tools or audio.
    pub fn message(self, ignored: &mut Vec<String>) -> Result<Message, ApiError> {
        for (name, value) in self.rest {
            if !UNSUPPORTED.contains(&&*name) {
                let name = format!("messages.{name}");
                if !value.is_null() && !ignored.contains(&name) {
                    ignored.push(name);
                }
            } else if !is_empty(&value) {
                let message = format!("messages: {name} is not supported by this server");
                return Err(ApiError::invalid("messages", message));
            }
        }
        let content = self.content.map(Content::text).transpose()?;
        Ok(Message {
            // OpenAI's newer name for the same role, which templates don't know.
            role: match self.role {
                role if role == "developer" => "system".into(),
                role => role,
            },
            content: content.unwrap_or_default(),
        })
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(turn: Value) -> (Result<Message, ApiError>, Vec<String>) {
        let mut ignored = Vec::new();
        let turn: Turn = serde_json::from_value(turn).expect("a turn");
        (turn.message(&mut ignored), ignored)
    }

    #[test]
    fn turns_of_client_packages_are_read() {
        let (answer, ignored) = message(json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [], "audio": null,
            "function_call": null, "tool_calls": null, "name": "a",
        }));
        assert_eq!(answer.expect("a message").content, "");
        assert!(ignored.is_empty(), "{ignored:?}");
        let (developer, ignored) = message(json!({
            "role": "developer", "content": [{ "type": "text", "text": "Be brief." }],
            "reasoning_content": "so", "tool_calls": [],
        }));
        let developer = developer.expect("a message");
        assert_eq!(
            (&*developer.role, &*developer.content),
            ("system", "Be brief.")
        );
        assert_eq!(ignored, ["messages.reasoning_content"]);
    }

    #[test]
    fn tool_calls_are_refused() {
        let (refused, _) = message(json!({
            "role": "assistant", "content": null, "tool_calls": [{ "id": "1", "type": "function" }],
        }));
        let error = refused.expect_err("refused").to_string();
        assert_eq!(
            error,
            "messages: tool_calls is not supported by this server"
        );
    }
}
