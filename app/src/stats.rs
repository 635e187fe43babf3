//! Events to statistics: a pure fold, so that every figure on the page can be tested without one.
//!
//! Two clocks meet here and are never mixed: spans and walls of steps are the engine's; the time
//! to the first token, the time between tokens and the paint time are the page's (`now_ms`). Of a
//! server that says nothing of its steps there is only the page's.

use std::collections::BTreeMap;
use std::ops::Range;

use llamaglass_engine::event::{Event, FinishReason};
use llamaglass_engine::stats::{Record, percentile};
use llamaglass_engine::timing::{Clock, DeviceTiming, RequestTiming, StepKind, StepTiming};

use crate::protocol::{Opaque, Tag};
use crate::timeline::Part;

/// What is heard of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// From an engine, or from a server that tells its steps.
    Event(Box<Event>),
    /// From a server that does not.
    Opaque(Opaque),
}

impl Heard {
    /// Whether nothing more comes of the answer.
    pub const fn is_last(&self) -> bool {
        match self {
            Self::Event(event) => event.is_last(),
            Self::Opaque(news) => matches!(news, Opaque::Done { .. }),
        }
    }
}

/// A bar of the timeline.
#[allow(
    clippy::large_enum_variant,
    reason = "an answer's bars are of one kind: steps would gain nothing by a box each"
)]
#[derive(Clone, Debug)]
pub enum Bar {
    /// A step.
    Step(StepRecord),
    /// A piece of text, of which no one knows which steps made it.
    Piece(PieceRecord),
}

impl Bar {
    /// What it took: a step on its engine's clock, a piece on the page's since the one before.
    pub const fn ms(&self) -> f64 {
        match self {
            Self::Step(step) => step.timing.wall_ms,
            Self::Piece(piece) => piece.wait_ms,
        }
    }

    /// Whether the prompt is part of it, which takes far longer than a token.
    pub fn has_prompt(&self) -> bool {
        match self {
            Self::Step(step) => step.timing.kind == StepKind::Prefill,
            Self::Piece(piece) => piece.index == 0,
        }
    }

    /// The bytes of the answer that it completed.
    pub fn text(&self) -> Option<Range<usize>> {
        match self {
            Self::Step(step) => step.token.as_ref().map(|token| token.text.clone()),
            Self::Piece(piece) => Some(piece.text.clone()),
        }
    }
}

/// Text that came at once; of how many tokens, no one says.
#[derive(Clone, Debug, PartialEq)]
pub struct PieceRecord {
    /// Its place among the answer's pieces, from 0.
    pub index: usize,
    /// The bytes of the answer that it is.
    pub text: Range<usize>,
    /// Since the piece before came, or since submitting; the page's clock.
    pub wait_ms: f64,
}

/// One step of an answer: a chunk of the prompt, or a token.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The token that the step picked; none for a prefill chunk that is not the last.
    pub token: Option<TokenRecord>,
    /// The engine's own account of the step.
    pub timing: StepTiming,
}

/// A picked token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its place among the answer's tokens, from 0.
    pub index: usize,
    /// Its id.
    pub id: u32,
    /// The bytes of the answer that it completed; empty where none.
    pub text: Range<usize>,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is still being made.
    Running,
    /// Well, or by an abort.
    Finished(FinishReason),
    /// With an error.
    Failed(String),
}

/// Everything that is known of one answer.
#[derive(Clone, Debug)]
pub struct AnswerStats {
    /// The answer's text so far.
    pub text: String,
    /// Steps, or pieces, in the order in which they came.
    pub bars: Vec<Bar>,
    /// Ids of the prompt, where that is known.
    pub prompt_tokens: Option<usize>,
    /// Prompt ids that came from the KV cache, where that is known.
    pub reused_tokens: Option<usize>,
    /// Template, tokenize, queue and schedule.
    pub request: Option<RequestTiming>,
    /// How it ended, or that it did not yet.
    pub outcome: Outcome,
    /// Whether a server answers, and not an engine in this page.
    at_server: bool,
    /// Ids of the answer, as its server tells at the end.
    told_tokens: Option<usize>,
    submitted_ms: f64,
    /// When each token came, or each piece.
    arrivals_ms: Vec<f64>,
    paint_ms: f64,
    painted_tokens: usize,
}

impl AnswerStats {
    /// A request handed to the engine, or to a server, at `now_ms` of the page's clock.
    pub fn submitted(now_ms: f64, at_server: bool) -> Self {
        Self {
            text: String::new(),
            bars: Vec::new(),
            prompt_tokens: None,
            reused_tokens: None,
            request: None,
            outcome: Outcome::Running,
            at_server,
            told_tokens: None,
            submitted_ms: now_ms,
            arrivals_ms: Vec::new(),
            paint_ms: 0.0,
            painted_tokens: 0,
        }
    }

    /// Takes what reached the page at `now_ms` of the page's clock.
    pub fn apply(&mut self, heard: &Heard, now_ms: f64) {
        match heard {
            Heard::Event(event) => self.take_event(event, now_ms),
            Heard::Opaque(news) => self.take_opaque(news, now_ms),
        }
    }

    fn take_opaque(&mut self, news: &Opaque, now_ms: f64) {
        match news {
            Opaque::Text { text } => {
                let start = self.text.len();
                self.text.push_str(text);
                let before = self.arrivals_ms.last().unwrap_or(&self.submitted_ms);
                self.bars.push(Bar::Piece(PieceRecord {
                    index: self.arrivals_ms.len(),
                    text: start..self.text.len(),
                    wait_ms: now_ms - before,
                }));
                self.arrivals_ms.push(now_ms);
            }
            Opaque::Done {
                finish_reason,
                usage,
            } => {
                self.prompt_tokens = usage.map(|usage| usage.prompt_tokens);
                self.reused_tokens = usage.and_then(|usage| usage.reused_tokens);
                self.told_tokens = usage.map(|usage| usage.completion_tokens);
                self.outcome = Outcome::Finished(*finish_reason);
            }
        }
    }

    fn take_event(&mut self, event: &Event, now_ms: f64) {
        match event {
            Event::Queued { .. } | Event::Preempted { .. } => {}
            Event::Started {
                prompt_tokens,
                reused_tokens,
                timing,
                ..
            } => {
                self.prompt_tokens = Some(*prompt_tokens);
                self.reused_tokens = Some(*reused_tokens);
                self.request = Some(*timing);
            }
            Event::Prefill { timing, .. } => self.bars.push(Bar::Step(StepRecord {
                token: None,
                timing: *timing,
            })),
            Event::Token {
                id, text, timing, ..
            } => {
                let start = self.text.len();
                self.text.push_str(text);
                self.bars.push(Bar::Step(StepRecord {
                    token: Some(TokenRecord {
                        index: self.arrivals_ms.len(),
                        id: *id,
                        text: start..self.text.len(),
                    }),
                    timing: *timing,
                }));
                self.arrivals_ms.push(now_ms);
            }
            Event::Done {
                text,
                usage,
                finish_reason,
                ..
            } => {
                self.text.push_str(text);
                self.prompt_tokens = Some(usage.prompt_tokens);
                self.reused_tokens = Some(usage.reused_tokens);
                self.outcome = Outcome::Finished(*finish_reason);
            }
            Event::Failed { error, .. } => self.outcome = Outcome::Failed(error.clone()),
        }
    }

    /// Books what the page itself took to draw `tokens` tokens.
    pub fn painted(&mut self, tokens: usize, ms: f64) {
        self.paint_ms += ms;
        self.painted_tokens += tokens;
    }

    /// Tokens picked so far, where that is known.
    pub fn tokens(&self) -> Option<usize> {
        match self.bars.last()? {
            Bar::Step(_) => Some(self.arrivals_ms.len()),
            Bar::Piece(_) => self.told_tokens,
        }
    }

    /// Pieces so far, where no one says what they are made of.
    fn pieces(&self) -> Option<usize> {
        let is_piece = |bar: &&Bar| matches!(bar, Bar::Piece(_));
        self.bars.last().filter(is_piece)?;
        Some(self.arrivals_ms.len())
    }

    /// The steps that are known of, in order.
    pub fn steps(&self) -> impl Iterator<Item = &StepRecord> + Clone {
        self.bars.iter().filter_map(|bar| match bar {
            Bar::Step(step) => Some(step),
            Bar::Piece(_) => None,
        })
    }

    /// The ids picked so far, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.steps()
            .filter_map(|step| step.token.as_ref().map(|token| token.id))
    }

    /// The server's own account of the answer, as far as it tells one.
    fn servers_own(&self) -> Option<ServersOwn> {
        if !self.at_server {
            return None;
        }
        let record = Record {
            request: self.request,
            steps: self.steps().map(|step| step.timing).collect(),
            ids: self.ids().collect(),
            ..Record::default()
        };
        Some(ServersOwn {
            ttft_ms: record.ttft_ms()?,
            tpot_p50_ms: percentile(&record.tpot_ms(), 50.0),
        })
    }

    /// The figures that the page shows.
    pub fn summary(&self) -> Summary {
        let gaps: Vec<f64> = self.arrivals_ms.windows(2).map(|w| w[1] - w[0]).collect();
        let decode = || self.steps().filter(|s| s.timing.kind == StepKind::Decode);
        let walls: Vec<f64> = decode().map(|s| s.timing.wall_ms).collect();
        let (mut prefill_ms, mut prefill_tokens) = (0.0, 0);
        for step in self.steps().filter(|s| s.timing.kind == StepKind::Prefill) {
            prefill_ms += step.timing.wall_ms;
            prefill_tokens += step.timing.tokens;
        }
        let mean = |part: Part| {
            let n = walls.len();
            (n > 0).then(|| decode().map(|s| part.of(&s.timing)).sum::<f64>() / n as f64)
        };
        let elapsed = match self.arrivals_ms.as_slice() {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        Summary {
            tokens: self.tokens(),
            pieces: self.pieces(),
            at_server: self.at_server,
            own: self.servers_own(),
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
            ttft_ms: self
                .arrivals_ms
                .first()
                .map(|first| first - self.submitted_ms),
            tokens_per_s: match self.pieces() {
                None => rate(gaps.len(), elapsed),
                Some(_) => self
                    .told_tokens
                    .and_then(|tokens| rate(tokens, self.arrivals_ms.last()? - self.submitted_ms)),
            },
            tpot_p50_ms: percentile(&gaps, 50.0),
            tpot_p95_ms: percentile(&gaps, 95.0),
            step_p50_ms: percentile(&walls, 50.0),
            prefill_per_s: (prefill_ms > 0.0)
                .then(|| f64::from(prefill_tokens) * 1000.0 / prefill_ms),
            part_mean_ms: Part::ALL.map(mean),
            paint_ms: (self.painted_tokens > 0).then(|| self.paint_ms / self.painted_tokens as f64),
            clock: self.steps().last().map(|s| s.timing.clock),
            device: mean_on_device(decode().map(|s| &s.timing)),
        }
    }
}

fn rate(count: usize, ms: f64) -> Option<f64> {
    (ms > 0.0).then(|| count as f64 * 1000.0 / ms)
}

fn mean_on_device<'a>(steps: impl Iterator<Item = &'a StepTiming>) -> Option<DeviceTiming> {
    let timed: Vec<DeviceTiming> = steps.filter_map(|step| step.device).collect();
    let clock = timed.first()?.clock;
    let mean = |figure: fn(&DeviceTiming) -> f64| {
        timed.iter().map(figure).sum::<f64>() / timed.len() as f64
    };
    Some(DeviceTiming {
        forward_ms: mean(|timing| timing.forward_ms),
        sampling_ms: mean(|timing| timing.sampling_ms),
        clock,
    })
}

/// The figures of one answer. `None` is "not known yet", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Tokens picked.
    pub tokens: Option<usize>,
    /// Pieces of text, where the server says nothing of its steps; then it is pieces that are timed, not
    /// tokens.
    pub pieces: Option<usize>,
    /// Whether a server answers, and not an engine in this page.
    pub at_server: bool,
    /// What the server itself measured, where it tells.
    pub own: Option<ServersOwn>,
    /// Ids of the prompt.
    pub prompt_tokens: Option<usize>,
    /// Prompt ids from the KV cache.
    pub reused_tokens: Option<usize>,
    /// From submitting in the page to the first token's event in the page.
    pub ttft_ms: Option<f64>,
    /// Tokens after the first, over the time since it came; the page's clock. Of pieces: all tokens, over
    /// the time from submitting to the last piece, because no one knows when the first token came.
    pub tokens_per_s: Option<f64>,
    /// Median time between two token events in the page.
    pub tpot_p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub tpot_p95_ms: Option<f64>,
    /// Median wall time of a decode step; the engine's clock.
    pub step_p50_ms: Option<f64>,
    /// Prompt tokens computed (not reused) in a second of prefill steps; the engine's clock.
    pub prefill_per_s: Option<f64>,
    /// Mean of each part of a decode step, in the order of [`Part::ALL`].
    pub part_mean_ms: [Option<f64>; 5],
    /// What the page took to draw one token; the page's clock.
    pub paint_ms: Option<f64>,
    /// The clock of the engine's figures.
    pub clock: Option<Clock>,
    /// Mean of a decode step on the device's own clock, where it has one.
    pub device: Option<DeviceTiming>,
}

/// An answer's figures on its server's own clock, where nothing of the way to the page is in them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServersOwn {
    /// From taking the request to the first token.
    pub ttft_ms: f64,
    /// Median time from token to token.
    pub tpot_p50_ms: Option<f64>,
}

/// Every answer of this visit, by the page's tag.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    answers: BTreeMap<Tag, AnswerStats>,
}

impl SessionStats {
    /// Notes that the request `tag` was handed to the engine, or to a server.
    pub fn submit(&mut self, tag: Tag, now_ms: f64, at_server: bool) {
        let answer = AnswerStats::submitted(now_ms, at_server);
        self.answers.insert(tag, answer);
    }

    /// Takes what is heard of the request `tag`; of requests that were forgotten it is dropped.
    pub fn apply(&mut self, tag: Tag, heard: &Heard, now_ms: f64) {
        if let Some(answer) = self.answers.get_mut(&tag) {
            answer.apply(heard, now_ms);
        }
    }

    /// One answer.
    pub fn get(&self, tag: Tag) -> Option<&AnswerStats> {
        self.answers.get(&tag)
    }

    /// One answer, to book its paint time or its failure.
    pub fn get_mut(&mut self, tag: Tag) -> Option<&mut AnswerStats> {
        self.answers.get_mut(&tag)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    /// Forgets one answer.
    pub fn forget(&mut self, tag: Tag) {
        self.answers.remove(&tag);
    }
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
