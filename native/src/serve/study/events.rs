//! This server's own form of the study's stream: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as Piece, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use llamaglass_engine::event::Event;
use serde_json::{Value, json};

use super::super::answering::Answering;
use super::super::api_error::ApiError;
use super::super::app::App;
use super::request::Generate;
use super::token::Token;

/// Streams an answer: one event per token, and a last one with the whole text and the statistics.
pub fn events(app: Arc<App>, asked: Generate, answering: Answering) -> Response {
    let state = (app, asked, Some(answering));
    let pieces = stream::unfold(state, |(app, asked, answering)| async move {
        let mut answering = answering?;
        let (piece, is_last) = next(&app, &asked, &mut answering).await;
        let rest = (!is_last).then_some(answering);
        Some((piece, (app, asked, rest)))
    });
    let pieces =
        pieces.map(|piece: Value| Ok::<_, Infallible>(Piece::default().data(piece.to_string())));
    Sse::new(pieces)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Returns the next piece, and true if it is the last.
async fn next(app: &App, asked: &Generate, answering: &mut Answering) -> (Value, bool) {
    loop {
        match answering.next().await {
            Event::Token {
                id, text, logprobs, ..
            } => {
                let token = Token::new(app, id, logprobs.as_ref(), text);
                let piece = json!({ "token": token, "generated_text": null, "details": null });
                return (piece, false);
            }
            Event::Done {
                text,
                finish_reason,
                ..
            } => {
                let record = &answering.record;
                let piece = json!({
                    "token": null,
                    "text": text,
                    "generated_text": asked.text(record),
                    "finish_reason": finish_reason.name(),
                    "generated_tokens": record.ids.len(),
                    "details": record.summary(),
                });
                return (piece, true);
            }
            Event::Failed { error, fault, .. } => {
                return (ApiError::of_engine(error, fault).object(), true);
            }
            _ => {}
        }
    }
}
