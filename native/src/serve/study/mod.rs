//! The study's own protocol: `/models/{name}/generate` and `/generate_stream`. Any name stands for the served
//! model, because the study's client knows only one name.

mod events;
mod lines;
mod request;
mod token;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::api_error::ApiError;
use super::app::App;
use super::client::Client;
use super::json::{fields, object};
use super::openai::{finish, with_ignored};
use super::response_stream::ResponseStream;
use lines::LineSettings;
use request::Generate;
use token::{Token, piece_text};

/// `POST /models/{name}/generate`
pub async fn generate(
    app: State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    answer(app, client, &headers, &body, false).await
}

/// `POST /models/{name}/generate_stream`
pub async fn generate_stream(
    app: State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    answer(app, client, &headers, &body, true).await
}

async fn answer(
    State(app): State<Arc<App>>,
    client: Client,
    headers: &HeaderMap,
    body: &Bytes,
    stream: bool,
) -> Result<Response, ApiError> {
    let generate: Generate = fields(object(body)?)?;
    let ignored = generate.ignored();
    let request = generate.request()?;
    let settings = LineSettings {
        seed: request.sampling.seed,
        max_tokens: request.max_tokens,
        full_text: generate.returns_full_text(),
    };
    let response = ResponseStream::submit(&app, client, request).await?;
    let response = if !stream && !generate.streams() {
        whole(&app, &generate, settings.seed, response).await?
    } else if accepts_events(headers) {
        events::events(app, generate, response)
    } else {
        lines::lines(app, settings, response)
    };
    Ok(with_ignored(response, &ignored))
}

/// Returns true if the client asks for server-sent events by name; `*/*` does not.
fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut kinds = accepted.filter_map(|value| value.to_str().ok());
    kinds.any(|kinds| {
        kinds.split(',').any(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("text/event-stream")
        })
    })
}

async fn whole(
    app: &App,
    generate: &Generate,
    seed: u64,
    mut response: ResponseStream,
) -> Result<Response, ApiError> {
    let mut tokens = Vec::new();
    let reason = finish(&mut response, |id, _, logprobs| {
        tokens.push(Token::new(app, id, logprobs, piece_text(app, id)));
    })
    .await?;
    let record = &response.record;
    let answer = json!({
        "generated_text": generate.text(record),
        "finish_reason": reason.name(),
        "generated_tokens": tokens.len(),
        "prefill": tokens.iter().take(1).collect::<Vec<_>>(),
        "seed": seed,
        "tokens": tokens,
        "details": record.summary(),
    });
    Ok(Json(answer).into_response())
}
