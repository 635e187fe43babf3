//! The mock engine's answers.

use llamaglass_types::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_types::timing::{
    Clock, ClockSource, RequestTiming, Span, Spans, StepKind, StepTiming,
};
use llamaglass_types::{Input, Request};

use llamaglass_app::protocol::{EngineReply, Tag};

const ANSWER: &str = "The capital of France is **Paris**. It lies on the *Seine*, and has about 2.1 million people.\n\n1. It was called Lutetia.\n2. Its tower is 330 m high.\n\n```rust\nfn main() {\n    println!(\"Bonjour, <b>Paris</b>\");\n}\n```\n\n| Quarter | Bank |\n|---|---|\n| Marais | right |\n| Latin | left |\n\nSee [the city](https://www.paris.fr) or <script>alert(1)</script> for more.";
const CLOCK: Clock = Clock {
    source: ClockSource::PerformanceNow,
    resolution_ms: 0.1,
};

/// Returns the text of the request's last message.
pub fn prompt(request: &Request) -> String {
    match &request.input {
        Input::Messages(messages) => messages
            .last()
            .map(|m| m.content.clone())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// Returns the id of token `index` of every answer.
pub const fn token_id(index: usize) -> u32 {
    (index * 31 % 49152) as u32
}

/// Returns the events of an answer. "long" in the prompt makes it 40 times as long, "endlessly" makes it repeat
/// itself.
pub fn answer(tag: Tag, request: &Request) -> Vec<EngineReply> {
    let prompt = prompt(request);
    let id = RequestId(tag);
    let exactly = request.max_tokens.filter(|_| request.ignore_eos);
    let mut spans = Spans::default();
    spans.add(Span::Template, 0.3);
    spans.add(Span::Tokenize, 0.4);
    let event = |event| EngineReply::Event {
        tag,
        event: Box::new(event),
    };
    let mut replies = vec![
        event(Event::Queued { request: id }),
        event(Event::Started {
            request: id,
            prompt_tokens: 70,
            reused_tokens: if exactly.is_some() { 0 } else { 6 },
            timing: RequestTiming {
                spans,
                clock: CLOCK,
            },
        }),
        event(Event::Prefill {
            request: id,
            done_tokens: 38,
            prompt_tokens: 70,
            timing: timing(StepKind::Prefill, 32, 6, 160.0),
        }),
    ];
    let (text, repeat) = match prompt.contains("endlessly") {
        true => ("over and ", 200),
        false if prompt.contains("long") => (ANSWER, 40),
        false => (ANSWER, 1),
    };
    let tokens: Vec<&str> = text.split_inclusive(' ').collect();
    let count = exactly.unwrap_or(tokens.len() * repeat);
    for (index, text) in tokens.iter().cycle().take(count).enumerate() {
        let position = 38 + index as u32;
        let timing = match index {
            0 => timing(StepKind::Prefill, 32, position, 155.0),
            _ => {
                let jitter = ((index * 7919) % 13) as f64;
                let outlier = if index % 37 == 36 { 30.0 } else { 0.0 };
                timing(StepKind::Decode, 1, position, 24.0 + jitter + outlier)
            }
        };
        replies.push(event(Event::Token {
            request: id,
            id: token_id(index),
            text: (*text).into(),
            logprobs: None,
            timing,
        }));
    }
    replies.push(done(tag, FinishReason::Stop, count));
    replies
}

/// Returns the end of an answer.
pub fn done(tag: Tag, finish_reason: FinishReason, completion_tokens: usize) -> EngineReply {
    EngineReply::Event {
        tag,
        event: Box::new(Event::Done {
            request: RequestId(tag),
            text: String::new(),
            usage: Usage {
                prompt_tokens: 70,
                reused_tokens: 6,
                completion_tokens,
            },
            finish_reason,
        }),
    }
}

/// Returns the timing of a step.
pub fn timing(kind: StepKind, tokens: u32, position: u32, wall_ms: f64) -> StepTiming {
    let mut spans = Spans::default();
    for (span, share) in [
        (Span::Plan, 0.01),
        (Span::Upload, 0.05),
        (Span::Encode, 0.22),
        (Span::Submit, 0.03),
        (Span::Gpu, 0.47),
        (Span::Sample, 0.04),
        (Span::Readback, 0.09),
        (Span::Detokenize, 0.03),
        (Span::Emit, 0.03),
    ] {
        spans.add(span, wall_ms * share);
    }
    StepTiming {
        kind,
        tokens,
        position,
        start_ms: f64::from(position) * 30.0,
        wall_ms,
        spans,
        clock: CLOCK,
        device: None,
        parts: None,
    }
}
