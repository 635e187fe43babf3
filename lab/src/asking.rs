//! The request that the lab's experiments send.

use llamaglass_types::Message;
use llamaglass_types::{Input, Request};

/// Builds a greedy request for exactly `tokens` tokens after `prompt`, ignoring end-of-sequence ids. With `chat`,
/// the prompt is sent as a user message through the model's chat template.
pub fn asking(chat: bool, prompt: &str, tokens: usize) -> Request {
    let content = prompt.to_owned();
    let input = if chat {
        let role = "user".into();
        Input::Messages(vec![Message { role, content }])
    } else {
        Input::Text(content)
    };
    Request {
        max_tokens: Some(tokens),
        ignore_eos: true,
        ..Request::new(input)
    }
}
