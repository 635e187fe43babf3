//! `POST /v1/completions`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use llamaglass_engine::event::TokenLogprobs;
use llamaglass_engine::scheduler::Input;
use llamaglass_engine::tokenizer::Tokenizer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::api_error::ApiError;
use super::super::app::{App, object};
use super::super::client::Client;
use super::ignored::with_ignored;
use super::reply::{Head, finish, finish_reason, token_text, usage};
use super::request::{Common, take};
use super::stream::{Form, stream};

/// Maximum number of top log-probabilities per token at this endpoint of OpenAI's protocol.
const MAX_LOGPROBS: usize = 5;
/// OpenAI's default for `max_tokens` at this endpoint.
const DEFAULT_TOKENS: usize = 16;
/// Maximum number of prompts per request.
const MAX_PROMPTS: usize = 64;

/// One prompt or several, as text or as token ids.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Texts(Vec<String>),
    Ids(Vec<u32>),
    SeveralIds(Vec<Vec<u32>>),
}

impl Prompt {
    fn inputs(self) -> Vec<Input> {
        match self {
            Self::Text(text) => vec![Input::Text(text)],
            Self::Texts(all) => all.into_iter().map(Input::Text).collect(),
            Self::Ids(ids) => vec![Input::Ids(ids)],
            Self::SeveralIds(all) => all.into_iter().map(Input::Ids).collect(),
        }
    }
}

/// Log-probabilities of an answer's tokens in the protocol's older form: parallel lists.
#[derive(Debug, Default)]
pub struct Lists {
    tokens: Vec<String>,
    logprobs: Vec<f32>,
    top: Vec<Map<String, Value>>,
    offsets: Vec<usize>,
    /// Number of characters so far.
    characters: usize,
}

impl Lists {
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

/// Completes texts, as a stream if the body asks for one.
pub async fn completions(
    State(app): State<Arc<App>>,
    client: Client,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut fields = object(&body)?;
    let prompt: Option<Prompt> = take(&mut fields, "prompt")?;
    let prompt = prompt.ok_or_else(|| ApiError::invalid("prompt", "prompt is missing"))?;
    let logprobs = take::<usize>(&mut fields, "logprobs")?;
    if let Some(wanted) = logprobs.filter(|wanted| *wanted > MAX_LOGPROBS) {
        let message = format!("logprobs must be at most {MAX_LOGPROBS}, not {wanted}");
        return Err(ApiError::invalid("logprobs", message));
    }
    let common = Common::parse(fields, Vec::new(), app.strict)?;
    app.check_model(common.model.as_deref())?;
    let inputs = prompt.inputs();
    if inputs.is_empty() || inputs.len() > MAX_PROMPTS {
        let message = format!("there have to be 1 to {MAX_PROMPTS} prompts");
        return Err(ApiError::invalid("prompt", message));
    }
    let n = common.answers()?;
    let mut answers = Vec::new();
    for input in inputs {
        for request in common.requests(input, logprobs, Some(DEFAULT_TOKENS))? {
            answers.push(app.submit(client, request).await?);
        }
    }
    let head = Head::new("cmpl", "text_completion", &app.model_name);
    if common.stream == Some(true) {
        let parts = common.stream_parts();
        let response = stream(app, head, (Form::Text, n), parts, answers);
        return Ok(with_ignored(response, &common.ignored));
    }
    let mut choices = Vec::with_capacity(answers.len());
    for (index, answering) in answers.iter_mut().enumerate() {
        let mut lists = Lists::default();
        let reason = finish(answering, |id, _, logprobs| {
            if let Some(logprobs) = logprobs {
                lists.push(&app.tokenizer, id, logprobs);
            }
        })
        .await?;
        choices.push(json!({
            "index": index,
            "text": answering.record.text,
            "logprobs": logprobs.map(|_| lists.take()),
            "finish_reason": finish_reason(reason),
        }));
    }
    let records: Vec<_> = answers.iter().map(|answering| &answering.record).collect();
    let response = Json(head.with(choices, Some(usage(&records, n)))).into_response();
    Ok(with_ignored(response, &common.ignored))
}
