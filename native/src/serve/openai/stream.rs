//! Streaming of answers as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as Piece, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, SelectAll, Stream, StreamExt};
use llamaglass_engine::event::Event;
use llamaglass_engine::stats::Record;
use serde_json::{Value, json};

use super::super::answering::Answering;
use super::super::api_error::ApiError;
use super::super::app::App;
use super::completions::Lists;
use super::reply::{Head, chat_logprobs, finish_reason, usage, usage_so_far};
use super::request::StreamParts;

/// The protocol's form of a stream's pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Chat completions: pieces have a `delta` of the message.
    Chat,
    /// Text completions: pieces have a `text`.
    Text,
}

/// An item of one answer's stream: a piece to send and, at the end, the answer's index and record.
struct Told {
    piece: Option<Value>,
    ended: Option<(usize, Record)>,
}

impl Told {
    /// Creates an item before the end of an answer.
    const fn of(piece: Value) -> Self {
        Self {
            piece: Some(piece),
            ended: None,
        }
    }
}

/// Streams `answers`, of which each prompt has `n`, as they come; each piece has its answer's index.
pub fn stream(
    app: Arc<App>,
    head: Head,
    (form, n): (Form, usize),
    parts: StreamParts,
    answers: Vec<Answering>,
) -> Response {
    let mut all = SelectAll::new();
    let count = answers.len();
    for (index, answering) in answers.into_iter().enumerate() {
        let told = pieces(
            Arc::clone(&app),
            head.clone(),
            form,
            parts,
            (index, answering),
        );
        all.push(told.boxed());
    }
    let mut records: Vec<(usize, Record)> = Vec::with_capacity(count);
    let pieces = all.flat_map(move |Told { piece, ended }| {
        let _span = tracing::trace_span!("write").entered();
        let mut out: Vec<String> = piece.iter().map(Value::to_string).collect();
        records.extend(ended);
        if records.len() == count {
            if parts.usage {
                records.sort_by_key(|(index, _)| *index);
                let records: Vec<&Record> = records.iter().map(|(_, record)| record).collect();
                let last = head.with(Vec::new(), Some(usage(&records, n)));
                out.push(last.to_string());
            }
            out.push("[DONE]".into());
        }
        stream::iter(out)
    });
    let pieces = pieces.map(|data| Ok::<_, Infallible>(Piece::default().data(data)));
    // Comments keep the connection alive, and reveal a client that left while its request waits.
    Sse::new(pieces)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Returns the stream of one answer.
fn pieces(
    app: Arc<App>,
    head: Head,
    form: Form,
    parts: StreamParts,
    (index, answering): (usize, Answering),
) -> impl Stream<Item = Told> {
    let usage = move |answering: &Answering| {
        let wanted = parts.continuous_usage;
        wanted.then(|| usage_so_far(&answering.record))
    };
    let begin = (form == Form::Chat).then(|| {
        let delta = json!({ "role": "assistant", "content": "" });
        let choice =
            json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": null });
        Told::of(head.with(vec![choice], usage(&answering)))
    });
    let state = (Some(answering), Lists::default());
    let rest = stream::unfold(state, move |(answering, mut lists)| {
        let (app, head) = (Arc::clone(&app), head.clone());
        async move {
            let mut answering = answering?;
            let choice = |text: &str, logprobs: Value, reason: Option<&str>| match form {
                Form::Chat => {
                    let delta = if text.is_empty() && reason.is_some() {
                        json!({})
                    } else {
                        json!({ "content": text })
                    };
                    json!({ "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason })
                }
                Form::Text => {
                    json!({ "index": index, "text": text, "logprobs": logprobs, "finish_reason": reason })
                }
            };
            loop {
                match answering.next().await {
                    Event::Started {
                        prompt_tokens,
                        reused_tokens,
                        timing,
                        ..
                    } if parts.timings => {
                        let choices = vec![choice("", Value::Null, None)];
                        let mut piece = head.with(choices, usage(&answering));
                        piece["started"] = json!({
                            "prompt_tokens": prompt_tokens,
                            "reused_tokens": reused_tokens,
                            "timing": timing,
                        });
                        return Some((Told::of(piece), (Some(answering), lists)));
                    }
                    Event::Prefill {
                        done_tokens,
                        prompt_tokens,
                        timing,
                        ..
                    } if parts.timings => {
                        let choices = vec![choice("", Value::Null, None)];
                        let mut piece = head.with(choices, usage(&answering));
                        piece["prefill"] = json!({
                            "done_tokens": done_tokens,
                            "prompt_tokens": prompt_tokens,
                            "step": timing,
                        });
                        return Some((Told::of(piece), (Some(answering), lists)));
                    }
                    Event::Token {
                        id,
                        text,
                        logprobs,
                        timing,
                        ..
                    } => {
                        if text.is_empty() && logprobs.is_none() && !parts.timings {
                            continue;
                        }
                        let logprobs = logprobs.map(|of| match form {
                            Form::Chat => {
                                let entry = chat_logprobs(&app.tokenizer, id, &of);
                                json!({ "content": [entry], "refusal": null })
                            }
                            Form::Text => {
                                lists.push(&app.tokenizer, id, &of);
                                lists.take()
                            }
                        });
                        let choice = choice(&text, logprobs.unwrap_or_default(), None);
                        let mut piece = head.with(vec![choice], usage(&answering));
                        if parts.timings {
                            piece["timing"] = json!({ "id": id, "step": timing });
                        }
                        return Some((Told::of(piece), (Some(answering), lists)));
                    }
                    Event::Done {
                        text,
                        finish_reason: reason,
                        ..
                    } => {
                        let choice = choice(&text, Value::Null, Some(finish_reason(reason)));
                        let told = Told {
                            piece: Some(head.with(vec![choice], usage(&answering))),
                            ended: Some((index, answering.record.clone())),
                        };
                        return Some((told, (None, lists)));
                    }
                    Event::Failed { error, fault, .. } => {
                        let told = Told {
                            piece: Some(ApiError::of_engine(error, fault).object()),
                            ended: Some((index, answering.record.clone())),
                        };
                        return Some((told, (None, lists)));
                    }
                    _ => {}
                }
            }
        }
    });
    stream::iter(begin).chain(rest)
}
