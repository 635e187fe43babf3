//! What a client gets: the parts that chats and texts have in common.

use std::time::{SystemTime, UNIX_EPOCH};

use llamaglass_engine::event::{Event, FinishReason, TokenLogprobs};
use llamaglass_engine::stats::Record;
use llamaglass_engine::tokenizer::Tokenizer;
use serde_json::{Value, json};

use super::super::answering::Answering;
use super::super::api_error::ApiError;

/// What every piece of an answer begins with.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: String,
    pub object: &'static str,
    pub created: u64,
    pub model: String,
}

impl Head {
    /// For an answer that begins now.
    pub fn new(prefix: &str, object: &'static str, model: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            id: format!("{prefix}-{:016x}", rand::random::<u64>()),
            object,
            created: since.map_or(0, |since| since.as_secs()),
            model: model.to_owned(),
        }
    }

    /// The whole object.
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

/// Token counts and timings of answers, `n` to each prompt.
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

/// Token counts of an answer that goes on.
pub fn usage_so_far(record: &Record) -> Value {
    let (prompt, completion) = (record.prompt_tokens, record.ids.len());
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    })
}

/// An answer's figures.
fn timings(record: &Record) -> Value {
    // Figures have no map keys that are no text, so this does not fail.
    serde_json::to_value(record.summary()).unwrap_or(Value::Null)
}

/// As the protocol calls it.
pub const fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        // Cut short, whatever by.
        FinishReason::Length | FinishReason::Deadline | FinishReason::Abort => "length",
    }
}

/// An id's text and bytes.
pub fn token_text(tokenizer: &Tokenizer, id: u32) -> (String, Vec<u8>) {
    let bytes = tokenizer.piece(id).unwrap_or_default().to_vec();
    (String::from_utf8_lossy(&bytes).into_owned(), bytes)
}

/// A chat's entry for a token's log-probabilities.
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

/// Waits for the end of an answer; `visit` hears of every token.
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
