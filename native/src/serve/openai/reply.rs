//! Parts of responses that chat and text completions share.

use std::time::{SystemTime, UNIX_EPOCH};

use llamaglass_engine::event::{Event, FinishReason, TokenLogprobs};
use llamaglass_engine::stats::Record;
use llamaglass_engine::tokenizer::Tokenizer;
use serde_json::{Value, json};

use super::super::answering::Answering;
use super::super::api_error::ApiError;

/// Fields that every response object begins with.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: String,
    pub object: &'static str,
    pub created: u64,
    pub model: String,
}

impl Head {
    /// Creates the fields for an answer that begins now.
    pub fn new(prefix: &str, object: &'static str, model: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            id: format!("{prefix}-{:016x}", rand::random::<u64>()),
            object,
            created: since.map_or(0, |since| since.as_secs()),
            model: model.to_owned(),
        }
    }

    /// Returns the whole response object.
    pub fn with(&self, choices: Vec<Value>, usage: Option<Value>) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": self.object,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            object["usage"] = usage;
        }
        object
    }
}

/// Returns token counts and timings of answers, of which each prompt has `n`.
pub fn usage(records: &[&Record], n: usize) -> Value {
    let prompts = || records.iter().step_by(n);
    let prompt: usize = prompts().map(|record| record.prompt_tokens).sum();
    let cached: usize = prompts().map(|record| record.reused_tokens).sum();
    let completion: usize = records.iter().map(|record| record.ids.len()).sum();
    let timings: Vec<Value> = records.iter().map(|record| timings(record)).collect();
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": cached },
        "timings": timings,
    })
}

/// Returns the token counts of an unfinished answer.
pub fn usage_so_far(record: &Record) -> Value {
    let (prompt, completion) = (record.prompt_tokens, record.ids.len());
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    })
}

/// Returns the statistics of an answer as JSON.
fn timings(record: &Record) -> Value {
    // The summary has only string keys, so serialization does not fail.
    serde_json::to_value(record.summary()).unwrap_or(Value::Null)
}

/// Returns the protocol's name for a finish reason.
pub const fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        // The protocol has no value for deadlines and aborts: the text is cut short in each case.
        FinishReason::Length | FinishReason::Deadline | FinishReason::Abort => "length",
    }
}

/// Returns a token's text and bytes.
pub fn token_text(tokenizer: &Tokenizer, id: u32) -> (String, Vec<u8>) {
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

/// Waits for the end of an answer and calls `visit` for every token.
pub async fn finish(
    answering: &mut Answering,
    mut visit: impl FnMut(u32, &str, Option<&TokenLogprobs>),
) -> Result<FinishReason, ApiError> {
    loop {
        match answering.next().await {
            Event::Token {
                id, text, logprobs, ..
            } => visit(id, &text, logprobs.as_ref()),
            Event::Done { finish_reason, .. } => return Ok(finish_reason),
            Event::Failed { error, fault, .. } => return Err(ApiError::of_engine(error, fault)),
            _ => {}
        }
    }
}
