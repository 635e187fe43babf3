//! Converts what a server sends for an answer into replies; pure.

use llamaglass_openai::{
    CompletionChunk, PrefillProgress, PrefillStart, StreamItem, TokenTiming, Usage as ServerUsage,
};
use llamaglass_types::event::{Event, Fault, FinishReason, RequestId, Usage};

use crate::protocol::{EngineReply, OpaqueEvent, ReportedUsage, Tag};
use crate::server::ServerError;

/// Converts one answer from pieces to replies. If the server sends timings, the replies are the events of an
/// engine, otherwise pieces of text.
#[derive(Debug)]
pub struct EventDecoder {
    tag: Tag,
    /// True once the server has sent a timing: from then on, the answer is reported in events.
    timed: bool,
    prompt_tokens: usize,
    reused_tokens: usize,
    tokens: usize,
    usage: Option<ServerUsage>,
    finish: Option<FinishReason>,
    /// Text without a timing in an answer that is reported in events; sent with its end.
    unsent_text: String,
}

impl EventDecoder {
    /// Creates a converter for the page's request `tag`.
    pub const fn new(tag: Tag) -> Self {
        Self {
            tag,
            timed: false,
            prompt_tokens: 0,
            reused_tokens: 0,
            tokens: 0,
            usage: None,
            finish: None,
            unsent_text: String::new(),
        }
    }

    /// Returns the page's number for the request.
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// Converts a message of the server to replies.
    pub fn decode(&mut self, item: StreamItem) -> Vec<EngineReply> {
        let StreamItem::Chunk(chunk) = item else {
            return Vec::new();
        };
        let mut replies = Vec::new();
        self.finish = chunk.finish().or(self.finish);
        let CompletionChunk {
            text,
            usage,
            timing,
            started,
            prefill,
            ..
        } = *chunk;
        self.usage = usage.or(self.usage.take());
        self.timed |= timing.is_some() || started.is_some() || prefill.is_some();
        if let Some(PrefillStart {
            prompt_tokens,
            reused_tokens,
            timing,
        }) = started
        {
            self.prompt_tokens = prompt_tokens;
            self.reused_tokens = reused_tokens;
            replies.push(self.event(Event::Started {
                request: self.request(),
                prompt_tokens,
                reused_tokens,
                timing,
            }));
        }
        if let Some(PrefillProgress {
            done_tokens,
            prompt_tokens,
            step,
        }) = prefill
        {
            replies.push(self.event(Event::Prefill {
                request: self.request(),
                done_tokens,
                prompt_tokens,
                timing: step,
            }));
        }
        match timing {
            Some(TokenTiming { id, step: timing }) => {
                self.tokens += 1;
                replies.push(self.event(Event::Token {
                    request: self.request(),
                    id,
                    text,
                    logprobs: None,
                    timing,
                }));
            }
            None if self.timed => self.unsent_text.push_str(&text),
            None if text.is_empty() => {}
            None => replies.push(self.opaque(OpaqueEvent::Text { text })),
        }
        replies
    }

    /// Returns the reply to the end of the stream, which is a failure unless the server gave a finish reason.
    pub fn ended(self, host: &str) -> EngineReply {
        match self.finish {
            Some(reason) => self.done(reason),
            None => {
                let host = host.to_owned();
                self.failed(&ServerError::Short { host }.to_string())
            }
        }
    }

    /// Returns the reply for an answer that the page stopped.
    pub fn aborted(self) -> EngineReply {
        self.done(FinishReason::Abort)
    }

    /// Returns the reply for an answer that failed because of `why`.
    pub fn failed(self, why: &str) -> EngineReply {
        self.event(Event::Failed {
            request: self.request(),
            error: why.to_owned(),
            fault: Fault::Engine,
        })
    }

    fn done(mut self, finish_reason: FinishReason) -> EngineReply {
        let usage = self.usage.as_ref().map(|usage| ReportedUsage {
            prompt_tokens: usage.prompt_tokens,
            reused_tokens: usage.cached_tokens(),
            completion_tokens: usage.completion_tokens,
        });
        if !self.timed {
            return self.opaque(OpaqueEvent::Done {
                finish_reason,
                usage,
            });
        }
        // The server sends no usage for a stopped answer.
        let usage = usage.map_or(
            Usage {
                prompt_tokens: self.prompt_tokens,
                reused_tokens: self.reused_tokens,
                completion_tokens: self.tokens,
            },
            |reported| Usage {
                prompt_tokens: reported.prompt_tokens,
                reused_tokens: reported.reused_tokens.unwrap_or(self.reused_tokens),
                completion_tokens: reported.completion_tokens,
            },
        );
        let text = std::mem::take(&mut self.unsent_text);
        self.event(Event::Done {
            request: self.request(),
            text,
            usage,
            finish_reason,
        })
    }

    /// The request's id in events is its tag.
    const fn request(&self) -> RequestId {
        RequestId(self.tag)
    }

    fn event(&self, event: Event) -> EngineReply {
        EngineReply::Event {
            tag: self.tag,
            event: Box::new(event),
        }
    }

    const fn opaque(&self, event: OpaqueEvent) -> EngineReply {
        EngineReply::Opaque {
            tag: self.tag,
            event,
        }
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_openai::ChunkReader;
    use llamaglass_types::timing::{
        Clock, ClockSource, RequestTiming, Spans, StepKind, StepTiming,
    };
    use serde_json::{Value, json};

    use super::*;

    const CLOCK: Clock = Clock {
        source: ClockSource::Monotonic,
        resolution_ms: 0.001,
    };

    fn step(kind: StepKind) -> StepTiming {
        StepTiming {
            kind,
            tokens: 1,
            position: 0,
            start_ms: 0.0,
            wall_ms: 2.0,
            spans: Spans::default(),
            clock: CLOCK,
            device: None,
            parts: None,
        }
    }

    fn decode(chunks: &[Value]) -> (EventDecoder, Vec<EngineReply>) {
        let mut decoder = EventDecoder::new(7);
        let stream: String = chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\n\n"))
            .collect();
        let items = ChunkReader::default().push(stream.as_bytes());
        let items = items.expect("valid chunks");
        let replies = items.into_iter().flat_map(|item| decoder.decode(item));
        let replies = replies.collect();
        (decoder, replies)
    }

    fn events(replies: &[EngineReply]) -> Vec<&Event> {
        let event = |reply| match reply {
            &EngineReply::Event { tag: 7, ref event } => &**event,
            other => panic!("not an event of this request: {other:?}"),
        };
        replies.iter().map(event).collect()
    }

    fn opaque_events(replies: &[EngineReply]) -> Vec<&OpaqueEvent> {
        let event = |reply| match reply {
            &EngineReply::Opaque { tag: 7, ref event } => event,
            other => panic!("not an opaque event of this request: {other:?}"),
        };
        replies.iter().map(event).collect()
    }

    #[test]
    fn server_with_timings_is_reported_in_events() {
        let timing = RequestTiming {
            spans: Spans::default(),
            clock: CLOCK,
        };
        let (decoder, mut replies) = decode(&[
            json!({"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
            json!({"choices": [{"delta": {}}], "started": {"prompt_tokens": 9, "reused_tokens": 4, "timing": timing}}),
            json!({"choices": [{"delta": {}}], "prefill": {"done_tokens": 8, "prompt_tokens": 9, "step": step(StepKind::Prefill)}}),
            json!({"choices": [{"delta": {"content": "Par"}}], "timing": {"id": 3, "step": step(StepKind::Prefill)}}),
            json!({"choices": [{"delta": {"content": ""}}], "timing": {"id": 4, "step": step(StepKind::Decode)}}),
            json!({"choices": [{"delta": {"content": "is"}, "finish_reason": "stop"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}}),
        ]);
        replies.push(decoder.ended("a.org"));
        let events = events(&replies);
        assert!(matches!(
            events[0],
            Event::Started {
                prompt_tokens: 9,
                reused_tokens: 4,
                ..
            }
        ));
        assert!(matches!(events[1], Event::Prefill { done_tokens: 8, .. }));
        assert!(matches!(events[2], Event::Token { id: 3, text, .. } if text == "Par"));
        assert!(matches!(events[3], Event::Token { id: 4, text, .. } if text.is_empty()));
        let usage = Usage {
            prompt_tokens: 9,
            reused_tokens: 4,
            completion_tokens: 2,
        };
        let done = Event::Done {
            request: RequestId(7),
            text: "is".into(),
            usage,
            finish_reason: FinishReason::Stop,
        };
        assert_eq!(events[4..], [&done]);
    }

    #[test]
    fn server_without_timings_is_reported_in_text() {
        let (decoder, mut replies) = decode(&[
            json!({"choices": [{"delta": {"role": "assistant"}}]}),
            json!({"choices": [{"delta": {"content": "Paris is"}}]}),
            json!({"choices": [{"delta": {"content": " it"}, "finish_reason": "length"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}),
        ]);
        replies.push(decoder.ended("a.org"));
        let text = |text: &str| OpaqueEvent::Text { text: text.into() };
        let done = OpaqueEvent::Done {
            finish_reason: FinishReason::Length,
            usage: Some(ReportedUsage {
                prompt_tokens: 9,
                reused_tokens: None,
                completion_tokens: 5,
            }),
        };
        assert_eq!(
            opaque_events(&replies),
            [&text("Paris is"), &text(" it"), &done]
        );
    }

    #[test]
    fn missing_usage_is_not_invented() {
        let (decoder, _) = decode(&[json!({"choices": [{"delta": {"content": "Par"}}]})]);
        let done = OpaqueEvent::Done {
            finish_reason: FinishReason::Abort,
            usage: None,
        };
        assert_eq!(opaque_events(&[decoder.aborted()]), [&done]);
    }

    #[test]
    fn stopped_answer_counts_received_tokens() {
        let (decoder, _) = decode(&[
            json!({"choices": [{"delta": {"content": "Par"}}], "timing": {"id": 3, "step": step(StepKind::Prefill)}}),
        ]);
        let stopped = [decoder.aborted()];
        assert!(matches!(
            events(&stopped)[0],
            Event::Done {
                usage: Usage {
                    completion_tokens: 1,
                    ..
                },
                finish_reason: FinishReason::Abort,
                ..
            }
        ));
    }

    #[test]
    fn answer_fails_when_stream_ends_early() {
        let (decoder, _) = decode(&[json!({"choices": [{"delta": {"content": "Par"}}]})]);
        let ended = [decoder.ended("a.org")];
        assert!(
            matches!(events(&ended)[0], Event::Failed { error, .. } if error.contains("a.org ended"))
        );
    }
}
