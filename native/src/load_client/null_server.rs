//! A server that answers immediately, to measure the client's own cost.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::settings::RequestSettings;
use crate::cli::Protocol;

/// A server on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct NullServer {
    /// `http://HOST:PORT`
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Starts a server that answers every request with `pieces` pieces of text, in the protocol of `settings`.
    pub fn start(settings: &RequestSettings, pieces: usize) -> Result<Self> {
        let answer = Arc::new(Answer::new(settings, pieces));
        let (stop, stopped) = oneshot::channel();
        let (sender, receiver) = std::sync::mpsc::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let served = runtime.map(|runtime| runtime.block_on(serve(answer, stopped, &sender)));
            if let Err(error) | Ok(Err(error)) = served {
                // If the server has been listening, the receiver is gone.
                let _not_received = sender.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new()
            .name("null server".into())
            .spawn(serve)
            .context("starting a thread")?;
        let address = receiver.recv().map_err(|_| anyhow!("the server ended"));
        let address = address.and_then(|listens| Ok(listens?));
        let address = address
            .context("starting a server to measure the client with; skip it with --no-self-test")?;
        Ok(Self {
            url: format!("http://{address}"),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The thread returns nothing.
            let _ended = thread.join();
        }
    }
}

async fn serve(
    answer: Arc<Answer>,
    stopped: oneshot::Receiver<()>,
    sender: &std::sync::mpsc::Sender<std::io::Result<SocketAddr>>,
) -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // `NullServer::start` waits for the address.
    let _received = sender.send(listener.local_addr());
    let listener = listener.tap_io(|stream| {
        // A failure only makes the connection slower.
        let _slower = stream.set_nodelay(true);
    });
    let router = Router::new().fallback(move || {
        let answer = Arc::clone(&answer);
        async move { answer.response() }
    });
    tokio::select! {
        ended = axum::serve(listener, router) => ended,
        // Dropping the sender is the signal.
        _ = stopped => Ok(()),
    }
}

/// The answer to every request, prepared in advance.
#[derive(Debug)]
struct Answer {
    content_type: &'static str,
    frames: Vec<Bytes>,
}

impl Answer {
    fn new(settings: &RequestSettings, pieces: usize) -> Self {
        if !settings.stream {
            let whole = match settings.protocol {
                Protocol::Openai => json!({
                    "choices": [{ "index": 0, "message": { "role": "assistant", "content": "a" }, "finish_reason": "length" }],
                    "usage": { "prompt_tokens": 1, "completion_tokens": pieces },
                }),
                Protocol::Study => {
                    json!({ "generated_text": "a", "finish_reason": "length", "generated_tokens": pieces })
                }
            };
            return Self {
                content_type: "application/json",
                frames: vec![whole.to_string().into()],
            };
        }
        match settings.protocol {
            Protocol::Openai => Self {
                content_type: "text/event-stream",
                frames: openai(pieces),
            },
            Protocol::Study => Self {
                content_type: "application/x-ndjson",
                frames: study(pieces),
            },
        }
    }

    fn response(&self) -> Response {
        let frames = self.frames.clone().into_iter().map(Ok::<_, Infallible>);
        let body = Body::from_stream(stream::iter(frames));
        ([(CONTENT_TYPE, self.content_type)], body).into_response()
    }
}

/// Returns OpenAI's stream: one event per piece.
fn openai(pieces: usize) -> Vec<Bytes> {
    let event = |data: &Value| Bytes::from(format!("data: {data}\n\n"));
    let piece =
        json!({ "choices": [{ "index": 0, "delta": { "content": "a" }, "finish_reason": null }] });
    let mut frames = vec![event(&piece); pieces];
    frames.push(event(
        &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "length" }] }),
    ));
    frames.push(event(&json!({
        "choices": [],
        "usage": { "prompt_tokens": 1, "completion_tokens": pieces },
    })));
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

/// Returns the study's stream: one line per piece.
fn study(pieces: usize) -> Vec<Bytes> {
    let line = |data: Value| {
        let line = json!({ "event": "message", "retry": 30_000, "data": data });
        Bytes::from(format!("{line}\n"))
    };
    let token = json!({ "id": 1, "logprob": 0.0, "special": false, "text": "a" });
    let piece = json!({
        "details": null, "generated_text": "a", "tokens": token, "top_tokens": [token],
    });
    let mut frames = vec![line(piece); pieces];
    frames.push(line(json!({
        "details": null, "generated_text": "a", "finish_reason": "length", "generated_tokens": pieces,
    })));
    frames
}
