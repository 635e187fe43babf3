//! Folds events into statistics. Pure, so that every figure on the page can be tested without a browser.
//!
//! Two clocks meet here and are never mixed: spans and wall times of steps are on the engine's clock; the time to
//! the first token, the time between tokens and the paint time are on the page's clock (`now_ms`). A server that
//! does not report its steps has only the latter.

use std::collections::BTreeMap;
use std::ops::Range;

use llamaglass_types::event::{Event, FinishReason};
use llamaglass_types::stats::{Record, percentile};
use llamaglass_types::timing::{Clock, DeviceTiming, RequestTiming, StepKind, StepTiming};

use crate::protocol::{Opaque, Tag};
use crate::timeline::Part;

/// Event of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// From an engine, or from a server that reports its steps.
    Event(Box<Event>),
    /// From a server that does not report its steps.
    Opaque(Opaque),
}

impl Heard {
    /// Returns whether this is the answer's last event.
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
    /// A step of the engine.
    Step(StepRecord),
    /// A piece of text from unknown steps.
    Piece(PieceRecord),
}

impl Bar {
    /// Returns the duration: the wall time of a step on its engine's clock, or the time since the previous piece on
    /// the page's clock.
    pub const fn ms(&self) -> f64 {
        match self {
            Self::Step(step) => step.timing.wall_ms,
            Self::Piece(piece) => piece.wait_ms,
        }
    }

    /// Returns whether the bar includes work on the prompt, which takes far longer than a token.
    pub fn has_prompt(&self) -> bool {
        match self {
            Self::Step(step) => step.timing.kind == StepKind::Prefill,
            Self::Piece(piece) => piece.index == 0,
        }
    }

    /// Returns the bytes of the answer that the bar completed.
    pub fn text(&self) -> Option<Range<usize>> {
        match self {
            Self::Step(step) => step.token.as_ref().map(|token| token.text.clone()),
            Self::Piece(piece) => Some(piece.text.clone()),
        }
    }
}

/// Text that arrived at once and has an unknown number of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct PieceRecord {
    /// Index among the answer's pieces.
    pub index: usize,
    /// Bytes of the answer that the piece covers.
    pub text: Range<usize>,
    /// Time since the previous piece arrived, or since submission; on the page's clock.
    pub wait_ms: f64,
}

/// One step of an answer: a prefill chunk, or a token.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The token that the step sampled; `None` for a prefill chunk that is not the last.
    pub token: Option<TokenRecord>,
    /// The engine's timing of the step.
    pub timing: StepTiming,
}

/// A sampled token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Index among the answer's tokens.
    pub index: usize,
    /// Token id.
    pub id: u32,
    /// Bytes of the answer that the token completed; may be empty.
    pub text: Range<usize>,
}

/// Outcome of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Still running.
    Running,
    /// Finished or aborted.
    Finished(FinishReason),
    /// Failed, with this error.
    Failed(String),
}

/// Statistics of one answer.
#[derive(Clone, Debug)]
pub struct AnswerStats {
    /// Text so far.
    pub text: String,
    /// Steps, or pieces, in the order of their arrival.
    pub bars: Vec<Bar>,
    /// Number of tokens in the prompt, if known.
    pub prompt_tokens: Option<usize>,
    /// Number of prompt tokens that came from the KV cache, if known.
    pub reused_tokens: Option<usize>,
    /// Timing of the request before its first step: template, tokenize, queue and schedule.
    pub request: Option<RequestTiming>,
    /// Outcome so far.
    pub outcome: Outcome,
    /// True if a server answers, not an engine in this page.
    at_server: bool,
    /// Number of the answer's tokens, as the server reports at the end.
    told_tokens: Option<usize>,
    submitted_ms: f64,
    /// Arrival time of each token, or of each piece.
    arrivals_ms: Vec<f64>,
    paint_ms: f64,
    painted_tokens: usize,
}

impl AnswerStats {
    /// Starts the statistics of a request that was submitted at `now_ms` on the page's clock.
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

    /// Applies an event that reached the page at `now_ms` on its clock.
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

    /// Records that the page took `ms` to draw `tokens` tokens.
    pub fn painted(&mut self, tokens: usize, ms: f64) {
        self.paint_ms += ms;
        self.painted_tokens += tokens;
    }

    /// Returns the number of tokens sampled so far, if known.
    pub fn tokens(&self) -> Option<usize> {
        match self.bars.last()? {
            Bar::Step(_) => Some(self.arrivals_ms.len()),
            Bar::Piece(_) => self.told_tokens,
        }
    }

    /// Returns the number of pieces so far, or `None` if the answer has steps.
    fn pieces(&self) -> Option<usize> {
        let is_piece = |bar: &&Bar| matches!(bar, Bar::Piece(_));
        self.bars.last().filter(is_piece)?;
        Some(self.arrivals_ms.len())
    }

    /// Returns the known steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &StepRecord> + Clone {
        self.bars.iter().filter_map(|bar| match bar {
            Bar::Step(step) => Some(step),
            Bar::Piece(_) => None,
        })
    }

    /// Returns the token ids sampled so far, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.steps()
            .filter_map(|step| step.token.as_ref().map(|token| token.id))
    }

    /// Returns the figures on the server's own clock, if a server answers and reports its steps.
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

    /// Returns the figures that the page shows.
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

/// Figures of one answer. `None` means "not known yet", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of tokens sampled.
    pub tokens: Option<usize>,
    /// Number of pieces of text, if the server does not report its steps. Timings then refer to pieces instead of
    /// tokens.
    pub pieces: Option<usize>,
    /// True if a server answers, not an engine in this page.
    pub at_server: bool,
    /// Figures that the server itself measured, if it reports them.
    pub own: Option<ServersOwn>,
    /// Number of tokens in the prompt.
    pub prompt_tokens: Option<usize>,
    /// Number of prompt tokens from the KV cache.
    pub reused_tokens: Option<usize>,
    /// Time from submission in the page to the first token's event in the page.
    pub ttft_ms: Option<f64>,
    /// Tokens after the first, divided by the time since it arrived; on the page's clock. For pieces: all tokens
    /// divided by the time from submission to the last piece, because the arrival of the first token is unknown.
    pub tokens_per_s: Option<f64>,
    /// Median time between two token events in the page.
    pub tpot_p50_ms: Option<f64>,
    /// 95th percentile of the time between two token events in the page.
    pub tpot_p95_ms: Option<f64>,
    /// Median wall time of a decode step; the engine's clock.
    pub step_p50_ms: Option<f64>,
    /// Prompt tokens computed (not reused) per second of prefill steps; the engine's clock.
    pub prefill_per_s: Option<f64>,
    /// Mean duration of each part of a decode step, in the order of [`Part::ALL`].
    pub part_mean_ms: [Option<f64>; 5],
    /// Mean time for the page to draw one token; the page's clock.
    pub paint_ms: Option<f64>,
    /// Clock of the engine's figures.
    pub clock: Option<Clock>,
    /// Mean times of a decode step on the device's own clock, if it has one.
    pub device: Option<DeviceTiming>,
}

/// Figures of an answer on its server's own clock, without the way to the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServersOwn {
    /// Time from the receipt of the request to the first token.
    pub ttft_ms: f64,
    /// Median time between tokens.
    pub tpot_p50_ms: Option<f64>,
}

/// Statistics of every answer since the page was opened, by the page's tag.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    answers: BTreeMap<Tag, AnswerStats>,
}

impl SessionStats {
    /// Starts the statistics of request `tag`.
    pub fn submit(&mut self, tag: Tag, now_ms: f64, at_server: bool) {
        let answer = AnswerStats::submitted(now_ms, at_server);
        self.answers.insert(tag, answer);
    }

    /// Applies an event of request `tag`; events of a forgotten request are dropped.
    pub fn apply(&mut self, tag: Tag, heard: &Heard, now_ms: f64) {
        if let Some(answer) = self.answers.get_mut(&tag) {
            answer.apply(heard, now_ms);
        }
    }

    /// Returns the statistics of one answer.
    pub fn get(&self, tag: Tag) -> Option<&AnswerStats> {
        self.answers.get(&tag)
    }

    /// Returns the statistics of one answer, to record its paint time or its failure.
    pub fn get_mut(&mut self, tag: Tag) -> Option<&mut AnswerStats> {
        self.answers.get_mut(&tag)
    }

    /// Removes all answers.
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    /// Removes one answer.
    pub fn forget(&mut self, tag: Tag) {
        self.answers.remove(&tag);
    }
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
