//! `POST /v1/chat/completions`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use llamaglass_engine::scheduler::Input;
use llamaglass_engine::tokenizer::Message;
use serde_json::{Value, json};

use super::super::answering::Answering;
use super::super::api_error::ApiError;
use super::super::app::{App, object};
use super::super::client::Client;
use super::ignored::with_ignored;
use super::reply::{Head, chat_logprobs, finish, finish_reason, usage};
use super::request::{Common, take};
use super::stream::{Form, stream};
use super::turn::Turn;

/// Maximum number of top log-probabilities per token in OpenAI's protocol.
const MAX_TOP_LOGPROBS: usize = 20;

/// Completes a conversation, as a stream if the body asks for one.
pub async fn chat(
    State(app): State<Arc<App>>,
    client: Client,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut fields = object(&body)?;
    let turns: Option<Vec<Turn>> = take(&mut fields, "messages")?;
    let turns = turns.ok_or_else(|| ApiError::invalid("messages", "messages is missing"))?;
    if turns.is_empty() {
        return Err(ApiError::invalid("messages", "messages is empty"));
    }
    let mut ignored = Vec::new();
    let messages = turns.into_iter().map(|turn| turn.message(&mut ignored));
    let messages = messages.collect::<Result<Vec<Message>, _>>()?;
    let wanted = take::<bool>(&mut fields, "logprobs")?.unwrap_or(false);
    let top = take::<usize>(&mut fields, "top_logprobs")?;
    let logprobs = match (wanted, top) {
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
    let common = Common::parse(fields, ignored, app.strict)?;
    app.check_model(common.model.as_deref())?;
    let requests = common.requests(Input::Messages(messages), logprobs, None)?;
    let n = requests.len();
    let mut answers = Vec::with_capacity(n);
    for request in requests {
        answers.push(app.submit(client, request).await?);
    }
    if common.stream == Some(true) {
        let head = Head::new("chatcmpl", "chat.completion.chunk", &app.model_name);
        let parts = common.stream_parts();
        let response = stream(app, head, (Form::Chat, n), parts, answers);
        return Ok(with_ignored(response, &common.ignored));
    }
    let head = Head::new("chatcmpl", "chat.completion", &app.model_name);
    let mut choices = Vec::with_capacity(answers.len());
    for (index, answering) in answers.iter_mut().enumerate() {
        choices.push(choice(&app, answering, index, logprobs.is_some()).await?);
    }
    let records: Vec<_> = answers.iter().map(|answering| &answering.record).collect();
    let response = Json(head.with(choices, Some(usage(&records, n)))).into_response();
    Ok(with_ignored(response, &common.ignored))
}

async fn choice(
    app: &App,
    answering: &mut Answering,
    index: usize,
    logprobs: bool,
) -> Result<Value, ApiError> {
    let mut entries = Vec::new();
    let reason = finish(answering, |id, _, logprobs| {
        entries.extend(logprobs.map(|of| chat_logprobs(&app.tokenizer, id, of)));
    })
    .await?;
    Ok(json!({
        "index": index,
        "message": {
            "role": "assistant",
            "content": answering.record.text,
            "refusal": null,
        },
        "logprobs": logprobs.then(|| json!({ "content": entries, "refusal": null })),
        "finish_reason": finish_reason(reason),
    }))
}
