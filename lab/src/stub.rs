//! Stub levels: a request's path cut short, to show what each part of it costs.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use llamaglass_types::clock::{Stopwatch, clock};
use llamaglass_types::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_types::timing::{RequestTiming, Spans, StepKind, StepTiming};
use llamaglass_types::{ModelInfo, Request};

/// Number of tokens in a stub answer if the request sets no limit.
const DEFAULT_TOKENS: usize = 16;

/// Depth to which a request's path is executed; the rest is skipped, and the answer is a mock.
///
/// Up to [`Message`](Self::Message), the answer comes at once and does not depend on the model; the code that
/// hands requests to an engine implements these levels. A decorator of the engine's executor implements the later
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "u8"))]
#[serde(try_from = "u8", into = "u8")]
pub enum StubLevel {
    /// 1: the request handler answers.
    Handler = 1,
    /// 2: the entry point of the engine's thread or worker answers.
    Entry = 2,
    /// 3: the answer comes just before the request is sent to the engine's thread or worker.
    Transfer = 3,
    /// 4: the engine's thread or worker answers when it receives the request.
    Message = 4,
    /// 5: tokenised, scheduled, planned and uploaded, then random logits.
    Forward = 5,
    /// 6: level 5 plus the model's first kernel.
    FirstKernel = 6,
    /// 99: the full path, with random weights in the model's shape.
    RandomWeights = 99,
    /// 100: the full path.
    #[default]
    Whole = 100,
}

impl StubLevel {
    /// Every level, shortest path first.
    pub const ALL: [Self; 8] = [
        Self::Handler,
        Self::Entry,
        Self::Transfer,
        Self::Message,
        Self::Forward,
        Self::FirstKernel,
        Self::RandomWeights,
        Self::Whole,
    ];

    /// Returns the level's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns where the path ends, as display text.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Handler => "in the request handler",
            Self::Entry => "at the entry of the engine's thread or worker",
            Self::Transfer => "before the transfer to the engine's thread or worker",
            Self::Message => "where the engine's thread or worker has the message",
            Self::Forward => "before the model: random logits",
            Self::FirstKernel => "after the model's first kernel: random logits",
            Self::RandomWeights => "nowhere, but the weights are random",
            Self::Whole => "nowhere",
        }
    }

    /// Returns true if the path ends before the engine receives the request.
    pub fn is_before_engine(self) -> bool {
        self <= Self::Message
    }

    /// Returns true if the engine answers with random logits.
    pub const fn has_random_logits(self) -> bool {
        matches!(self, Self::Forward | Self::FirstKernel)
    }
}

impl fmt::Display for StubLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl From<StubLevel> for u8 {
    fn from(level: StubLevel) -> Self {
        level.number()
    }
}

impl TryFrom<u8> for StubLevel {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.number() == number);
        found.ok_or_else(|| format!("{number} is no level; there are 1 to 6, 99 and 100"))
    }
}

impl FromStr for StubLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: u8 = text.parse().map_err(|_| format!("{text:?} is no level"))?;
        Self::try_from(number)
    }
}

/// Returns the events of a stub answer with at most `most` tokens. Ids and texts are numbered, so that a lost
/// event is noticed. Nothing is tokenised.
pub fn stub_answer(
    request: RequestId,
    asked: &Request,
    most: usize,
) -> impl Iterator<Item = Event> + use<> {
    let tokens = asked.max_tokens.unwrap_or(DEFAULT_TOKENS).min(most);
    let watch = Stopwatch::start();
    let timing = RequestTiming {
        spans: Spans::default(),
        clock: clock(),
    };
    let begin = [
        Event::Queued { request },
        Event::Started {
            request,
            prompt_tokens: 0,
            reused_tokens: 0,
            timing,
        },
    ];
    let mut last_ms = watch.ms();
    let token = move |index: usize| {
        let (start_ms, now_ms) = (last_ms, watch.ms());
        last_ms = now_ms;
        Event::Token {
            request,
            id: index as u32,
            text: format!("{index} "),
            logprobs: None,
            timing: StepTiming {
                kind: match index {
                    0 => StepKind::Prefill,
                    _ => StepKind::Decode,
                },
                tokens: 1,
                position: index as u32,
                start_ms,
                wall_ms: now_ms - start_ms,
                spans: Spans::default(),
                clock: clock(),
                device: None,
                parts: None,
            },
        }
    };
    let done = Event::Done {
        request,
        text: String::new(),
        usage: Usage {
            prompt_tokens: 0,
            reused_tokens: 0,
            completion_tokens: tokens,
        },
        finish_reason: FinishReason::Length,
    };
    let tokens = (0..tokens).map(token);
    begin.into_iter().chain(tokens).chain([done])
}

/// A loaded model and the stub level at which it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The model and the backend that runs it.
    #[serde(flatten)]
    pub info: ModelInfo,
    /// Stub level: how much of a request's path is executed.
    #[serde(default)]
    pub stub: StubLevel,
}

impl Deref for LoadedModel {
    type Target = ModelInfo;

    fn deref(&self) -> &ModelInfo {
        &self.info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_types::Input;
    use llamaglass_types::stats::Record;

    #[test]
    fn level_is_its_number_in_flags_and_json() {
        for level in StubLevel::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            let json = serde_json::to_string(&level).expect("serialises");
            assert_eq!(json, level.number().to_string());
            assert_eq!(
                serde_json::from_str::<StubLevel>(&json).expect("parses"),
                level
            );
        }
        for wrong in ["0", "7", "300", "five"] {
            assert!(wrong.parse::<StubLevel>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn stub_answer_has_all_events_of_an_answer() {
        let asked = Request {
            max_tokens: Some(3),
            ..Request::new(Input::Text("hi".into()))
        };
        let mut record = Record::default();
        for event in stub_answer(RequestId(7), &asked, 10) {
            assert_eq!(event.request(), RequestId(7));
            record.push(&event);
        }
        assert_eq!((record.text.as_str(), record.ids.len()), ("0 1 2 ", 3));
        assert_eq!(record.finish_reason, Some(FinishReason::Length));
        assert!(record.ttft_ms().is_some());
    }
}
