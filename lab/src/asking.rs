//! What the lab asks.

use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::tokenizer::Message;

/// A greedy request for exactly `tokens` tokens after `prompt`, in a conversation where the model has one
/// (`chat`), past every end id.
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
