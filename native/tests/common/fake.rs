//! A fake server of OpenAI's protocol, with correct and faulty behaviour.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Reaction to a request for an answer.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Sends `pieces` pieces, each after `each_ms` milliseconds.
    Answers { pieces: usize, each_ms: u64 },
    /// Sends two pieces, but refuses every third request.
    FailsEveryThird,
    /// Never responds.
    Hangs,
    /// Ends the stream after the first piece.
    ClosesInMidStream,
    /// Sends data that violates the protocol.
    SaysNonsense,
}

/// A server on its own thread, which runs until the test ends.
pub struct Fake {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

const KEY: &str = "let-me-in";

impl Fake {
    pub fn start(behaviour: Behaviour) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let router = Router::new().route("/v1/models", get(models)).fallback(
            move |uri: Uri, headers: HeaderMap, body: Bytes| {
                answer(behaviour, Arc::clone(&counter), uri, headers, body)
            },
        );
        let (say, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                say.send(listener.local_addr().expect("bound"))
                    .expect("heard");
                axum::serve(listener, router).await
            })
        });
        let address = heard.recv().expect("it listens");
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the number of requests so far, except those for the list of models.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "<b>fake</b>" }] }))
}

async fn answer(
    behaviour: Behaviour,
    asked: Arc<AtomicUsize>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let index = asked.fetch_add(1, Ordering::Relaxed);
    let refused = |status: StatusCode, message: &str| {
        let error = json!({ "error": { "message": message } });
        (status, Json(error)).into_response()
    };
    if uri.path() != "/v1/chat/completions" {
        return refused(StatusCode::NOT_FOUND, "nothing is there");
    }
    let key = headers.get("authorization").map(|key| key.as_bytes());
    if key.is_some_and(|key| key != format!("Bearer {KEY}").as_bytes()) {
        return refused(StatusCode::UNAUTHORIZED, "no key");
    }
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["model"], "<b>fake</b>");
    let (pieces, each_ms) = match behaviour {
        Behaviour::Answers { pieces, each_ms } => (pieces, each_ms),
        Behaviour::FailsEveryThird if index % 3 == 2 => {
            return refused(
                StatusCode::TOO_MANY_REQUESTS,
                "<script>alert(1)</script> full",
            );
        }
        Behaviour::FailsEveryThird => (2, 1),
        Behaviour::Hangs => return std::future::pending().await,
        Behaviour::ClosesInMidStream => return frames(vec![piece()], 1),
        Behaviour::SaysNonsense => return frames(vec!["data: <html>\n\n".into()], 1),
    };
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": pieces + 1 });
    if body["stream"] != true {
        tokio::time::sleep(Duration::from_millis(each_ms * pieces as u64)).await;
        let choice = json!({ "message": { "content": "a" }, "finish_reason": "stop" });
        return Json(json!({ "choices": [choice], "usage": usage })).into_response();
    }
    let mut all = vec![piece(); pieces];
    let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "choices": [], "usage": usage });
    all.push(format!("data: {end}\n\ndata: {usage}\n\ndata: [DONE]\n\n"));
    frames(all, each_ms)
}

fn piece() -> String {
    let piece = json!({ "choices": [{ "delta": { "content": "a" } }] });
    format!("data: {piece}\n\n")
}

fn frames(all: Vec<String>, each_ms: u64) -> Response {
    let frames = stream::unfold(all.into_iter(), move |mut all| async move {
        tokio::time::sleep(Duration::from_millis(each_ms)).await;
        let frame = Bytes::from(all.next()?);
        Some((Ok::<_, Infallible>(frame), all))
    });
    Body::from_stream(frames).into_response()
}
