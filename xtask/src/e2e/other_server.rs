//! A server of somebody else's, as far as the page can tell: OpenAI's protocol and no word of any step.

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

/// What the protocol ends a stream with.
const END: &str = "[DONE]";
/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(20);
/// The pieces of an answer.
pub const PIECES: [&str; 4] = ["It is", " Paris,", " of course", "."];
/// What it says that these are, which is more than there are pieces.
pub const TOKENS: usize = 9;
/// Who says this gets an answer that hardly ends.
pub const ENDLESS: &str = "endlessly";

/// A server that is running for as long as this process.
pub struct OtherServer {
    /// Its address, without a path.
    pub url: String,
    seen: Arc<Seen>,
}

/// What it has seen of its clients.
#[derive(Default)]
struct Seen {
    left: AtomicUsize,
    asked_for_timings: AtomicBool,
}

impl OtherServer {
    /// Starts it on a free port.
    pub fn start() -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let cors = CorsLayer::new()
            .allow_methods(Any)
            .allow_headers(AllowHeaders::mirror_request())
            .allow_origin(Any);
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(answer))
            .layer(cors)
            .with_state(Arc::clone(&seen));
        let url = serve::serve_in_background(0, router)?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { url, seen })
    }

    /// How many clients left in the midst of an answer.
    pub fn left(&self) -> usize {
        self.seen.left.load(Ordering::Relaxed)
    }

    /// Whether someone asked it for what only servers of ours know.
    pub fn asked_for_timings(&self) -> bool {
        self.seen.asked_for_timings.load(Ordering::Relaxed)
    }
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "first" }, { "id": "second" }] }))
}

/// Counts a client that leaves before its answer's end.
struct Listens {
    seen: Arc<Seen>,
    ended: bool,
}

impl Listens {
    fn send(&mut self, data: String) -> Event {
        self.ended = data == END;
        Event::default().data(data)
    }
}

impl Drop for Listens {
    fn drop(&mut self) {
        if !self.ended {
            self.seen.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn answer(
    State(seen): State<Arc<Seen>>,
    Json(body): Json<Value>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    if body["stream_options"]["include_timings"] == true {
        seen.asked_for_timings.store(true, Ordering::Relaxed);
    }
    let asked = body["messages"].to_string();
    let times = if asked.contains(ENDLESS) { 1000 } else { 1 };
    let text =
        move |text: &str| json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    let pieces = (0..times).flat_map(move |_| PIECES.map(text));
    let end = [
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
        json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": TOKENS } }),
    ];
    let said = pieces.chain(end).map(|chunk| chunk.to_string());
    let said = said.chain([END.to_owned()]);
    let mut listens = Listens { seen, ended: false };
    Sse::new(
        stream::iter(said)
            .then(async |data| {
                tokio::time::sleep(PAUSE).await;
                data
            })
            .map(move |data| Ok(listens.send(data))),
    )
}
