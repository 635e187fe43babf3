//! The study's stream: one line of JSON per token.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use llamaglass_engine::event::{Event, FinishReason, TokenLogprobs};
use serde_json::{Value, json};

use super::super::api_error::ApiError;
use super::super::app::App;
use super::super::response_stream::ResponseStream;
use super::token::Token;

/// Maximum silence on a connection. An empty line then shows whether the client has left.
const MAX_SILENCE: Duration = Duration::from_secs(15);
/// The `retry` field of every line, in milliseconds; the study's server sends the same value.
const RETRY_MS: u32 = 30_000;

/// Settings of a request that its lines depend on.
#[derive(Clone, Copy, Debug)]
pub struct LineSettings {
    pub seed: u64,
    pub max_tokens: Option<usize>,
    /// True for a last line with the whole text.
    pub full_text: bool,
}

/// Streams a completion: one line per token and, with `return_full_text`, a last line with the whole text.
pub fn lines(app: Arc<App>, settings: LineSettings, response: ResponseStream) -> Response {
    let writer = LineWriter {
        app,
        response,
        tokens: Vec::new(),
        top: Vec::new(),
        settings,
        ended: false,
    };
    let lines = stream::unfold(writer, |mut writer| async move {
        let lines = writer.next().await?;
        Some((lines, writer))
    });
    let lines = lines.flat_map(|lines| stream::iter(lines.into_iter().map(line)));
    let body = Body::from_stream(without_silence(lines).map(Ok::<_, Infallible>));
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

fn line(value: Value) -> Bytes {
    let _span = tracing::trace_span!("write").entered();
    format!("{value}\n").into()
}

/// Inserts an empty line whenever nothing comes for [`MAX_SILENCE`].
fn without_silence(
    lines: impl Stream<Item = Bytes> + Send + 'static,
) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(lines.boxed(), |mut lines| async move {
        match tokio::time::timeout(MAX_SILENCE, lines.next()).await {
            Ok(line) => Some((line?, lines)),
            Err(_) => Some((Bytes::from_static(b"\n"), lines)),
        }
    })
}

/// Turns the events of a response into lines.
struct LineWriter {
    app: Arc<App>,
    response: ResponseStream,
    tokens: Vec<Token>,
    /// `top_tokens` of the newest token.
    top: Vec<Token>,
    settings: LineSettings,
    ended: bool,
}

impl LineWriter {
    /// Returns the next lines; `None` after the last.
    async fn next(&mut self) -> Option<Vec<Value>> {
        if self.ended {
            return None;
        }
        let event = self.next_event().await;
        Some(match event {
            Event::Token {
                id, text, logprobs, ..
            } => {
                self.push(id, text, logprobs.as_ref());
                if Some(self.tokens.len()) == self.settings.max_tokens {
                    // `Done` follows at once, with the text that was held back.
                    self.last_token().await
                } else {
                    vec![self.newest_line()]
                }
            }
            Event::Done {
                text,
                finish_reason,
                ..
            } => {
                let held_back = self.held_back(text);
                self.end(held_back, finish_reason)
            }
            other => self.fail(Vec::new(), other),
        })
    }

    /// Returns the next `Token`, `Done` or `Failed` event; other events make no line.
    async fn next_event(&mut self) -> Event {
        loop {
            let event = self.response.next().await;
            if event.is_last() || matches!(event, Event::Token { .. }) {
                return event;
            }
        }
    }

    fn push(&mut self, id: u32, text: String, logprobs: Option<&TokenLogprobs>) {
        let token = Token::new(&self.app, id, logprobs, text);
        self.top = token.top(&self.app, logprobs);
        self.tokens.push(token);
    }

    /// Returns the line of the last token within `max_tokens`, and the lines of the end.
    async fn last_token(&mut self) -> Vec<Value> {
        match self.next_event().await {
            Event::Done {
                text,
                finish_reason,
                ..
            } => {
                if let Some(token) = self.tokens.last_mut() {
                    token.text.push_str(&text);
                }
                let line = self.newest_line();
                self.end(vec![line], finish_reason)
            }
            other => {
                let line = self.newest_line();
                self.fail(vec![line], other)
            }
        }
    }

    /// Returns the line of the text that was held back until the end, because it might begin a stop string or is an
    /// incomplete character. The line repeats the last token.
    fn held_back(&mut self, text: String) -> Vec<Value> {
        let Some(token) = self.tokens.last_mut().filter(|_| !text.is_empty()) else {
            return Vec::new();
        };
        let own = std::mem::replace(&mut token.text, text);
        let line = self.newest_line();
        if let Some(token) = self.tokens.last_mut() {
            token.text.insert_str(0, &own);
        }
        vec![line]
    }

    fn newest_line(&self) -> Value {
        let token = self.tokens.last();
        message(json!({
            "details": null,
            "generated_text": token.map_or("", |token| &token.text),
            "tokens": token,
            "top_tokens": self.top,
        }))
    }

    fn end(&mut self, mut lines: Vec<Value>, reason: FinishReason) -> Vec<Value> {
        self.ended = true;
        if self.settings.full_text {
            let record = &self.response.record;
            lines.push(message(json!({
                "details": record.summary(),
                "generated_text": record.text,
                "finish_reason": reason.name(),
                "generated_tokens": self.tokens.len(),
                "prefill": self.tokens.iter().take(1).collect::<Vec<_>>(),
                "seed": self.settings.seed,
                "tokens": self.tokens,
            })));
        }
        lines
    }

    fn fail(&mut self, mut lines: Vec<Value>, event: Event) -> Vec<Value> {
        self.ended = true;
        if let Event::Failed { error, fault, .. } = event {
            let mut line = ApiError::of_engine(error, fault).object();
            line["event"] = "error".into();
            line["retry"] = RETRY_MS.into();
            lines.push(line);
        }
        lines
    }
}

fn message(data: Value) -> Value {
    json!({ "event": "message", "retry": RETRY_MS, "data": data })
}
