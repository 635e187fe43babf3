//! Streaming of completions as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, SelectAll, Stream, StreamExt};
use llamaglass_engine::event::{Event, TokenLogprobs};
use llamaglass_engine::stats::Record;
use llamaglass_openai::{
    Choice, Completion, Delta, PrefillProgress, PrefillStart, TokenTiming, finish_reason,
};
use serde_json::{Value, json};

use super::super::api_error::ApiError;
use super::super::app::App;
use super::super::response_stream::ResponseStream;
use super::reply::{TextLogprobs, chat_logprobs, usage, usage_so_far};
use super::request::StreamParts;

/// Endpoint that determines the form of a stream's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Chat completions: chunks have a `delta` of the message.
    Chat,
    /// Text completions: chunks have a `text`.
    Completions,
}

/// Form and contents of a stream's chunks.
#[derive(Clone, Copy, Debug)]
pub struct StreamFormat {
    pub endpoint: Endpoint,
    pub completions_per_prompt: usize,
    pub parts: StreamParts,
}

/// Streams completions as they come; each chunk has its completion's index. `template` has the fields that all chunks
/// share.
pub fn stream(
    app: Arc<App>,
    template: Completion,
    format: StreamFormat,
    responses: Vec<ResponseStream>,
) -> Response {
    let count = responses.len();
    let mut all = SelectAll::new();
    for (index, response) in responses.into_iter().enumerate() {
        let writer = ChunkWriter {
            app: Arc::clone(&app),
            template: template.clone(),
            format,
            index,
            response,
            logprobs: TextLogprobs::default(),
        };
        all.push(writer.chunks().boxed());
    }
    let mut records: Vec<(usize, Record)> = Vec::with_capacity(count);
    let events = all.flat_map(move |Chunk { json, ended }| {
        let _span = tracing::trace_span!("write").entered();
        let mut out = vec![json.to_string()];
        records.extend(ended);
        if records.len() == count {
            if format.parts.usage {
                records.sort_by_key(|(index, _)| *index);
                let records: Vec<&Record> = records.iter().map(|(_, record)| record).collect();
                let usage = usage(&records, format.completions_per_prompt);
                let last = Completion {
                    usage: Some(usage),
                    ..template.clone()
                };
                out.push(json!(last).to_string());
            }
            out.push("[DONE]".into());
        }
        stream::iter(out)
    });
    let events = events.map(|data| Ok::<_, Infallible>(SseEvent::default().data(data)));
    // Comments keep the connection alive, and reveal a client that left while its request waits.
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// A chunk of one completion's stream; the last one has the completion's index and record.
struct Chunk {
    json: Value,
    ended: Option<(usize, Record)>,
}

impl From<Completion> for Chunk {
    fn from(completion: Completion) -> Self {
        Self {
            json: json!(completion),
            ended: None,
        }
    }
}

/// Turns one completion's events into chunks.
struct ChunkWriter {
    app: Arc<App>,
    template: Completion,
    format: StreamFormat,
    index: usize,
    response: ResponseStream,
    logprobs: TextLogprobs,
}

impl ChunkWriter {
    fn chunks(self) -> impl Stream<Item = Chunk> + Send {
        let begin = (self.format.endpoint == Endpoint::Chat).then(|| {
            let delta = Delta {
                role: Some("assistant"),
                content: Some(String::new()),
            };
            Chunk::from(self.chunk(Choice {
                delta: Some(delta),
                ..Choice::default()
            }))
        });
        let rest = stream::unfold(Some(self), |writer| async move {
            let mut writer = writer?;
            let chunk = writer.next().await;
            let writer = chunk.ended.is_none().then_some(writer);
            Some((chunk, writer))
        });
        stream::iter(begin).chain(rest)
    }

    /// Waits for the next event that makes a chunk.
    async fn next(&mut self) -> Chunk {
        let timings = self.format.parts.timings;
        loop {
            match self.response.next().await {
                Event::Started {
                    prompt_tokens,
                    reused_tokens,
                    timing,
                    ..
                } if timings => {
                    let mut chunk = self.text_chunk("");
                    chunk.started = Some(PrefillStart {
                        prompt_tokens,
                        reused_tokens,
                        timing,
                    });
                    return chunk.into();
                }
                Event::Prefill {
                    done_tokens,
                    prompt_tokens,
                    timing,
                    ..
                } if timings => {
                    let mut chunk = self.text_chunk("");
                    chunk.prefill = Some(PrefillProgress {
                        done_tokens,
                        prompt_tokens,
                        step: timing,
                    });
                    return chunk.into();
                }
                Event::Token {
                    id,
                    text,
                    logprobs,
                    timing,
                    ..
                } if !text.is_empty() || logprobs.is_some() || timings => {
                    let logprobs = logprobs.map(|logprobs| self.logprobs(id, &logprobs));
                    let mut chunk = self.chunk(Choice {
                        logprobs,
                        ..self.text_choice(&text)
                    });
                    chunk.timing = timings.then_some(TokenTiming { id, step: timing });
                    return chunk.into();
                }
                Event::Done {
                    text,
                    finish_reason: reason,
                    ..
                } => {
                    let mut choice = self.text_choice(&text);
                    if text.is_empty() {
                        choice.delta = choice.delta.map(|_| Delta::default());
                    }
                    choice.finish_reason = Some(finish_reason(reason).to_owned());
                    return self.last(json!(self.chunk(choice)));
                }
                Event::Failed { error, fault, .. } => {
                    return self.last(ApiError::of_engine(error, fault).object());
                }
                _ => {}
            }
        }
    }

    fn last(&self, json: Value) -> Chunk {
        Chunk {
            json,
            ended: Some((self.index, self.response.record.clone())),
        }
    }

    fn text_chunk(&self, text: &str) -> Completion {
        self.chunk(self.text_choice(text))
    }

    fn text_choice(&self, text: &str) -> Choice {
        let text = text.to_owned();
        match self.format.endpoint {
            Endpoint::Chat => Choice {
                delta: Some(Delta {
                    role: None,
                    content: Some(text),
                }),
                ..Choice::default()
            },
            Endpoint::Completions => Choice {
                text: Some(text),
                ..Choice::default()
            },
        }
    }

    fn chunk(&self, choice: Choice) -> Completion {
        let continuous = self.format.parts.continuous_usage;
        Completion {
            choices: vec![Choice {
                index: self.index,
                ..choice
            }],
            usage: continuous.then(|| usage_so_far(&self.response.record)),
            ..self.template.clone()
        }
    }

    fn logprobs(&mut self, id: u32, logprobs: &TokenLogprobs) -> Value {
        let tokenizer = &self.app.tokenizer;
        match self.format.endpoint {
            Endpoint::Chat => {
                let entry = chat_logprobs(tokenizer, id, logprobs);
                json!({ "content": [entry], "refusal": null })
            }
            Endpoint::Completions => {
                self.logprobs.push(tokenizer, id, logprobs);
                self.logprobs.take()
            }
        }
    }
}
