//! Tokens in the study's protocol.

use llamaglass_engine::event::TokenLogprobs;
use serde::Serialize;

use super::super::app::App;

/// A generated token.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    id: u32,
    logprob: f32,
    special: bool,
    /// Text that the token completes.
    pub text: String,
}

impl Token {
    /// Creates a token with the text that it completes.
    pub fn new(app: &App, id: u32, logprobs: Option<&TokenLogprobs>, text: String) -> Self {
        Self {
            id,
            // Stub tokens have no log-probability: they are certain.
            logprob: logprobs.map_or(0.0, |of| of.logprob),
            special: app.tokenizer.is_special(id),
            text,
        }
    }

    /// Returns the most probable tokens at this position.
    pub fn top(&self, app: &App, logprobs: Option<&TokenLogprobs>) -> Vec<Self> {
        let top = logprobs.map_or(&[][..], |of| &of.top);
        if top.is_empty() {
            // Greedy decoding does not request them.
            return vec![self.clone()];
        }
        let token = |&(id, logprob): &(u32, f32)| Self {
            id,
            logprob,
            special: app.tokenizer.is_special(id),
            text: piece_text(app, id),
        };
        top.iter().map(token).collect()
    }
}

/// Returns the text of the vocabulary's entry `id`.
pub fn piece_text(app: &App, id: u32) -> String {
    let bytes = app.tokenizer.piece(id).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
