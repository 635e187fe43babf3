//! A mock of another project's server, which speaks OpenAI's protocol and reports no steps or timings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::serve;

/// Data of the last event of a stream in OpenAI's protocol.
const END: &str = "[DONE]";
/// Pause between two chunks of a stream.
const PAUSE: Duration = Duration::from_millis(20);
/// Chunks of text of an answer.
pub const PIECES: [&str; 4] = ["It is", " Paris,", " of course", "."];
/// Number of tokens that the server reports for an answer, which is more than the number of chunks.
pub const TOKENS: usize = 9;
/// A prompt with this word gets an answer of 4000 chunks.
pub const ENDLESS: &str = "endlessly";

/// A server that runs as long as this process.
pub struct OtherServer {
    /// Base URL, without a path.
    pub url: String,
    counters: Arc<ClientCounters>,
}

/// Counters about its clients.
#[derive(Default)]
struct ClientCounters {
    left: AtomicUsize,
    asked_for_timings: AtomicBool,
}

impl OtherServer {
    /// Starts the server on a free port.
    pub fn start() -> Result<Self> {
        let counters = Arc::new(ClientCounters::default());
        let cors = CorsLayer::new()
            .allow_methods(Any)
            .allow_headers(AllowHeaders::mirror_request())
            .allow_origin(Any);
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(answer))
            .layer(cors)
            .with_state(Arc::clone(&counters));
        let url = serve::serve_in_background(0, router)?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { url, counters })
    }

    /// Returns the number of clients that disconnected before the end of an answer.
    pub fn clients_left(&self) -> usize {
        self.counters.left.load(Ordering::Relaxed)
    }

    /// Returns true if a client messages for timings, which only our own server has.
    pub fn asked_for_timings(&self) -> bool {
        self.counters.asked_for_timings.load(Ordering::Relaxed)
    }
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "first" }, { "id": "second" }] }))
}

/// Counts a client that disconnects before the end of its answer.
struct AnsweredClient {
    counters: Arc<ClientCounters>,
    ended: bool,
}

impl AnsweredClient {
    fn send(&mut self, data: String) -> Event {
        self.ended = data == END;
        Event::default().data(data)
    }
}

impl Drop for AnsweredClient {
    fn drop(&mut self) {
        if !self.ended {
            self.counters.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn answer(
    State(counters): State<Arc<ClientCounters>>,
    Json(body): Json<Value>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    if body["stream_options"]["include_timings"] == true {
        counters.asked_for_timings.store(true, Ordering::Relaxed);
    }
    let messages = body["messages"].to_string();
    let times = if messages.contains(ENDLESS) { 1000 } else { 1 };
    let text =
        move |text: &str| json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    let pieces = (0..times).flat_map(move |_| PIECES.map(text));
    let end = [
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
        json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": TOKENS } }),
    ];
    let chunks = pieces.chain(end).map(|chunk| chunk.to_string());
    let chunks = chunks.chain([END.to_owned()]);
    let mut client = AnsweredClient {
        counters,
        ended: false,
    };
    Sse::new(
        stream::iter(chunks)
            .then(async |data| {
                tokio::time::sleep(PAUSE).await;
                data
            })
            .map(move |data| Ok(client.send(data))),
    )
}
