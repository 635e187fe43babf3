//! This server's own form of the study's stream: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use llamaglass_engine::event::Event;
use serde_json::{Value, json};

use super::super::api_error::ApiError;
use super::super::app::App;
use super::super::response_stream::ResponseStream;
use super::request::Generate;
use super::token::Token;

/// Streams a completion: one event per token, and a last one with the whole text and the statistics.
pub fn events(app: Arc<App>, generate: Generate, response: ResponseStream) -> Response {
    let state = (app, generate, Some(response));
    let events = stream::unfold(state, |(app, generate, response)| async move {
        let mut response = response?;
        let (event, is_last) = next(&app, &generate, &mut response).await;
        let rest = (!is_last).then_some(response);
        Some((event, (app, generate, rest)))
    });
    let events =
        events.map(|event: Value| Ok::<_, Infallible>(SseEvent::default().data(event.to_string())));
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Returns the data of the next event, and true if it is the last.
async fn next(app: &App, generate: &Generate, response: &mut ResponseStream) -> (Value, bool) {
    loop {
        match response.next().await {
            Event::Token {
                id, text, logprobs, ..
            } => {
                let token = Token::new(app, id, logprobs.as_ref(), text);
                let event = json!({ "token": token, "generated_text": null, "details": null });
                return (event, false);
            }
            Event::Done {
                text,
                finish_reason,
                ..
            } => {
                let record = &response.record;
                let event = json!({
                    "token": null,
                    "text": text,
                    "generated_text": generate.text(record),
                    "finish_reason": finish_reason.name(),
                    "generated_tokens": record.ids.len(),
                    "details": record.summary(),
                });
                return (event, true);
            }
            Event::Failed { error, fault, .. } => {
                return (ApiError::of_engine(error, fault).object(), true);
            }
            _ => {}
        }
    }
}
