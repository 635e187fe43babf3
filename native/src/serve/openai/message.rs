//! Conversion of a conversation's messages to the engine's.

use llamaglass_engine::tokenizer::Message;
use llamaglass_openai::{ChatMessage, Content, ContentPart};
use serde_json::Value;

use super::super::api_error::ApiError;

/// Fields of a message that ask for tools or audio; accepted only if they are null or an empty list.
const UNSUPPORTED: [&str; 3] = ["audio", "function_call", "tool_calls"];

/// Fields of a message without effect: parts of an earlier completion that clients send back, and the participant's
/// name, which chat templates don't use.
const WITHOUT_EFFECT: [&str; 3] = ["annotations", "name", "refusal"];

/// Returns the message for the template, and adds the names of its unknown fields to `ignored`.
///
/// # Errors
/// [`ApiError::Invalid`] if the message has content other than text, or asks for tools or audio.
pub fn message(from: ChatMessage, ignored: &mut Vec<String>) -> Result<Message, ApiError> {
    for (name, value) in from.unknown {
        if UNSUPPORTED.contains(&&*name) {
            if !is_empty(&value) {
                let message = format!("messages: {name} is not supported by this server");
                return Err(ApiError::invalid("messages", message));
            }
        } else if !WITHOUT_EFFECT.contains(&&*name) && !value.is_null() {
            let name = format!("messages.{name}");
            if !ignored.contains(&name) {
                ignored.push(name);
            }
        }
    }
    let content = from.content.map(text).transpose()?;
    Ok(Message {
        // OpenAI's newer name for the same role, which templates don't know.
        role: match from.role {
            role if role == "developer" => "system".into(),
            role => role,
        },
        content: content.unwrap_or_default(),
    })
}

fn text(content: Content) -> Result<String, ApiError> {
    let parts = match content {
        Content::Text(text) => return Ok(text),
        Content::Parts(parts) => parts,
    };
    let text = |part: ContentPart| match (part.kind.as_str(), part.text) {
        ("text", Some(text)) => Ok(text),
        (kind, _) => {
            let message = format!("unsupported content type {kind:?}; expected text");
            Err(ApiError::invalid("messages", message))
        }
    };
    parts.into_iter().map(text).collect()
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(json: Value) -> (Result<Message, ApiError>, Vec<String>) {
        let mut ignored = Vec::new();
        let wire: ChatMessage = serde_json::from_value(json).expect("a message");
        (message(wire, &mut ignored), ignored)
    }

    #[test]
    fn messages_of_client_libraries_are_accepted() {
        let (answer, ignored) = parse(json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [], "audio": null,
            "function_call": null, "tool_calls": null, "name": "a",
        }));
        assert_eq!(answer.expect("a message").content, "");
        assert!(ignored.is_empty(), "{ignored:?}");
        let (developer, ignored) = parse(json!({
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
        let (refused, _) = parse(json!({
            "role": "assistant", "content": null, "tool_calls": [{ "id": "1", "type": "function" }],
        }));
        let error = refused.expect_err("refused").to_string();
        assert_eq!(
            error,
            "messages: tool_calls is not supported by this server"
        );
    }
}
