//! Parts of responses that chat and text completions share.

use std::time::{SystemTime, UNIX_EPOCH};

use llamaglass_engine::event::{Event, FinishReason, TokenLogprobs};
use llamaglass_engine::stats::Record;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_openai::{Completion, PromptDetails, Usage};
use serde_json::{Map, Value, json};

use super::super::api_error::ApiError;
use super::super::response_stream::ResponseStream;

/// Creates a response object without choices, which begins now.
pub fn new_completion(id_prefix: &str, object: &'static str, model: &str) -> Completion {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Completion {
        id: format!("{id_prefix}-{:016x}", rand::random::<u64>()),
        object,
        created: since.map_or(0, |since| since.as_secs()),
        model: model.to_owned(),
        ..Completion::default()
    }
}

/// Returns token counts and timings of completions, of which each prompt has `n`.
pub fn usage(records: &[&Record], n: usize) -> Usage {
    let prompts = || records.iter().step_by(n);
    let prompt_tokens = prompts().map(|record| record.prompt_tokens).sum();
    let cached_tokens = prompts().map(|record| record.reused_tokens).sum();
    let completion_tokens = records.iter().map(|record| record.ids.len()).sum();
    Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        prompt_tokens_details: Some(PromptDetails {
            cached_tokens: Some(cached_tokens),
        }),
        timings: records.iter().map(|record| record.summary()).collect(),
    }
}

/// Returns the token counts of an unfinished completion.
pub fn usage_so_far(record: &Record) -> Usage {
    let (prompt_tokens, completion_tokens) = (record.prompt_tokens, record.ids.len());
    Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        ..Usage::default()
    }
}

/// Returns a token's text and bytes.
fn token_text(tokenizer: &Tokenizer, id: u32) -> (String, Vec<u8>) {
    let bytes = tokenizer.piece(id).unwrap_or_default().to_vec();
    (String::from_utf8_lossy(&bytes).into_owned(), bytes)
}

/// Returns the chat protocol's entry for a token's log-probabilities.
pub fn chat_logprobs(tokenizer: &Tokenizer, id: u32, logprobs: &TokenLogprobs) -> Value {
    let entry = |id: u32, logprob: f32| {
        let (token, bytes) = token_text(tokenizer, id);
        json!({ "token": token, "logprob": logprob, "bytes": bytes })
    };
    let top = logprobs
        .top
        .iter()
        .map(|(id, logprob)| entry(*id, *logprob));
    let top: Vec<Value> = top.collect();
    let mut object = entry(id, logprobs.logprob);
    object["top_logprobs"] = top.into();
    object
}

/// Waits for the end of a completion and calls `visit` for every token.
pub async fn finish(
    response: &mut ResponseStream,
    mut visit: impl FnMut(u32, &str, Option<&TokenLogprobs>),
) -> Result<FinishReason, ApiError> {
    loop {
        match response.next().await {
            Event::Token {
                id, text, logprobs, ..
            } => visit(id, &text, logprobs.as_ref()),
            Event::Done { finish_reason, .. } => return Ok(finish_reason),
            Event::Failed { error, fault, .. } => return Err(ApiError::of_engine(error, fault)),
            _ => {}
        }
    }
}

/// Log-probabilities of a completion's tokens in the protocol's older form: parallel lists.
#[derive(Debug, Default)]
pub struct TextLogprobs {
    tokens: Vec<String>,
    logprobs: Vec<f32>,
    top: Vec<Map<String, Value>>,
    offsets: Vec<usize>,
    /// Number of characters so far.
    characters: usize,
}

impl TextLogprobs {
    /// Adds a token.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32, logprobs: &TokenLogprobs) {
        let (token, _) = token_text(tokenizer, id);
        self.offsets.push(self.characters);
        self.characters += token.chars().count();
        self.tokens.push(token);
        self.logprobs.push(logprobs.logprob);
        let top = logprobs.top.iter();
        let top = top.map(|(id, logprob)| (token_text(tokenizer, *id).0, json!(logprob)));
        self.top.push(top.collect());
    }

    /// Returns the entries since the last call.
    pub fn take(&mut self) -> Value {
        let Self {
            tokens,
            logprobs,
            top,
            offsets,
            ..
        } = self;
        json!({
            "tokens": std::mem::take(tokens),
            "token_logprobs": std::mem::take(logprobs),
            "top_logprobs": std::mem::take(top),
            "text_offset": std::mem::take(offsets),
        })
    }
}
