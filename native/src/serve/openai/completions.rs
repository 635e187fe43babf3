//! `POST /v1/completions`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use llamaglass_engine::scheduler::Input;
use llamaglass_openai::{Choice, Completion, Prompt, finish_reason};

use super::super::api_error::ApiError;
use super::super::app::App;
use super::super::client::Client;
use super::super::json::{object, take};
use super::super::response_stream::ResponseStream;
use super::ignored::with_ignored;
use super::reply::{TextLogprobs, finish, new_completion, usage};
use super::request::CompletionRequest;
use super::stream::{Endpoint, StreamFormat, stream};

/// Maximum number of top log-probabilities per token at this endpoint of OpenAI's protocol.
const MAX_LOGPROBS: usize = 5;
/// OpenAI's default for `max_tokens` at this endpoint.
const DEFAULT_TOKENS: usize = 16;
/// Maximum number of prompts per request.
const MAX_PROMPTS: usize = 64;

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
    if let Some(count) = logprobs.filter(|count| *count > MAX_LOGPROBS) {
        let message = format!("logprobs must be at most {MAX_LOGPROBS}, not {count}");
        return Err(ApiError::invalid("logprobs", message));
    }
    let request = CompletionRequest::parse(fields, Vec::new(), app.strict)?;
    app.check_model(request.params.model.as_deref())?;
    let inputs = inputs(prompt);
    if inputs.is_empty() || inputs.len() > MAX_PROMPTS {
        let message = format!(
            "prompt must have 1 to {MAX_PROMPTS} texts, not {}",
            inputs.len()
        );
        return Err(ApiError::invalid("prompt", message));
    }
    let completions_per_prompt = request.completions_per_prompt()?;
    let mut responses = Vec::new();
    for input in inputs {
        for request in request.requests(input, logprobs, Some(DEFAULT_TOKENS))? {
            responses.push(ResponseStream::submit(&app, client, request).await?);
        }
    }
    let template = new_completion("cmpl", "text_completion", &app.model_name);
    if request.streams() {
        let format = StreamFormat {
            endpoint: Endpoint::Completions,
            completions_per_prompt,
            parts: request.stream_parts(),
        };
        let response = stream(app, template, format, responses);
        return Ok(with_ignored(response, &request.ignored));
    }
    let mut choices = Vec::with_capacity(responses.len());
    for (index, response) in responses.iter_mut().enumerate() {
        let mut entries = TextLogprobs::default();
        let reason = finish(response, |id, _, logprobs| {
            if let Some(logprobs) = logprobs {
                entries.push(&app.tokenizer, id, logprobs);
            }
        })
        .await?;
        choices.push(Choice {
            index,
            text: Some(response.record.text.clone()),
            logprobs: logprobs.map(|_| entries.take()),
            finish_reason: Some(finish_reason(reason).to_owned()),
            ..Choice::default()
        });
    }
    let records: Vec<_> = responses.iter().map(|response| &response.record).collect();
    let completion = Completion {
        choices,
        usage: Some(usage(&records, completions_per_prompt)),
        ..template
    };
    let response = Json(completion).into_response();
    Ok(with_ignored(response, &request.ignored))
}

fn inputs(prompt: Prompt) -> Vec<Input> {
    match prompt {
        Prompt::Text(text) => vec![Input::Text(text)],
        Prompt::Texts(texts) => texts.into_iter().map(Input::Text).collect(),
        Prompt::TokenIds(ids) => vec![Input::Ids(ids)],
        Prompt::SeveralTokenIds(prompts) => prompts.into_iter().map(Input::Ids).collect(),
    }
}
