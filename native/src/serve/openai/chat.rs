//! `POST /v1/chat/completions`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use llamaglass_engine::scheduler::Input;
use llamaglass_engine::tokenizer::Message;
use llamaglass_openai::{AssistantMessage, ChatMessage, Choice, Completion, finish_reason};
use serde_json::json;

use super::super::api_error::ApiError;
use super::super::app::App;
use super::super::client::Client;
use super::super::json::{object, take};
use super::super::response_stream::ResponseStream;
use super::ignored::with_ignored;
use super::message::message;
use super::reply::{chat_logprobs, finish, new_completion, usage};
use super::request::CompletionRequest;
use super::stream::{Endpoint, StreamFormat, stream};

/// Maximum number of top log-probabilities per token in OpenAI's protocol.
const MAX_TOP_LOGPROBS: usize = 20;

/// Completes a conversation, as a stream if the body asks for one.
pub async fn chat(
    State(app): State<Arc<App>>,
    client: Client,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut fields = object(&body)?;
    let messages: Option<Vec<ChatMessage>> = take(&mut fields, "messages")?;
    let messages = messages.ok_or_else(|| ApiError::invalid("messages", "messages is missing"))?;
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "messages is empty"));
    }
    let mut ignored = Vec::new();
    let messages = messages.into_iter().map(|from| message(from, &mut ignored));
    let messages = messages.collect::<Result<Vec<Message>, _>>()?;
    let requested = take::<bool>(&mut fields, "logprobs")?.unwrap_or(false);
    let top = take::<usize>(&mut fields, "top_logprobs")?;
    let logprobs = match (requested, top) {
        (true, Some(top)) if top > MAX_TOP_LOGPROBS => {
            let message = format!("top_logprobs must be at most {MAX_TOP_LOGPROBS}, not {top}");
            return Err(ApiError::invalid("top_logprobs", message));
        }
        (true, top) => Some(top.unwrap_or(0)),
        (false, Some(1..)) => {
            let message = "top_logprobs needs logprobs to be true";
            return Err(ApiError::invalid("top_logprobs", message));
        }
        (false, _) => None,
    };
    let request = CompletionRequest::parse(fields, ignored, app.strict)?;
    app.check_model(request.params.model.as_deref())?;
    let requests = request.requests(Input::Messages(messages), logprobs, None)?;
    let completions_per_prompt = requests.len();
    let mut responses = Vec::with_capacity(completions_per_prompt);
    for request in requests {
        responses.push(ResponseStream::submit(&app, client, request).await?);
    }
    if request.streams() {
        let template = new_completion("chatcmpl", "chat.completion.chunk", &app.model_name);
        let format = StreamFormat {
            endpoint: Endpoint::Chat,
            completions_per_prompt,
            parts: request.stream_parts(),
        };
        let response = stream(app, template, format, responses);
        return Ok(with_ignored(response, &request.ignored));
    }
    let template = new_completion("chatcmpl", "chat.completion", &app.model_name);
    let mut choices = Vec::with_capacity(responses.len());
    for (index, response) in responses.iter_mut().enumerate() {
        choices.push(choice(&app, response, index, logprobs.is_some()).await?);
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

async fn choice(
    app: &App,
    response: &mut ResponseStream,
    index: usize,
    logprobs: bool,
) -> Result<Choice, ApiError> {
    let mut entries = Vec::new();
    let reason = finish(response, |id, _, logprobs| {
        entries.extend(logprobs.map(|of| chat_logprobs(&app.tokenizer, id, of)));
    })
    .await?;
    Ok(Choice {
        index,
        message: Some(AssistantMessage {
            role: "assistant",
            content: Some(response.record.text.clone()),
            refusal: None,
        }),
        logprobs: logprobs.then(|| json!({ "content": entries, "refusal": null })),
        finish_reason: Some(finish_reason(reason).to_owned()),
        ..Choice::default()
    })
}
