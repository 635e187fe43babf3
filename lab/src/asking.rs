//! The requests that experiments and benchmarks send.

use llamaglass_types::{Input, Message, Request};

/// Builds a greedy request for exactly `tokens` tokens after `prompt`, ignoring end-of-sequence ids. With `chat`,
/// the prompt is sent as a user message through the model's chat template.
pub fn asking(chat: bool, prompt: &str, tokens: usize) -> Request {
    let (role, content) = ("user".into(), prompt.to_owned());
    let input = match chat {
        true => Input::Messages(vec![Message { role, content }]),
        false => Input::Text(content),
    };
    exactly(tokens, input)
}

/// Builds a greedy request for exactly `tokens` tokens after `input`, ignoring end-of-sequence ids.
pub fn exactly(tokens: usize, input: Input) -> Request {
    Request {
        max_tokens: Some(tokens),
        ignore_eos: true,
        ..Request::new(input)
    }
}
