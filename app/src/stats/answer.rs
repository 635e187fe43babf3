//! Statistics of one answer.

use llamaglass_types::event::{Event, FinishReason};
use llamaglass_types::stats::{Record, percentile};
use llamaglass_types::timing::{DeviceTiming, RequestTiming, StepKind, StepTiming};

use super::bar::{Bar, PieceRecord, StepRecord, TokenRecord};
use super::event::ReceivedEvent;
use super::segment::Segment;
use super::summary::{ServerFigures, Summary};
use crate::protocol::OpaqueEvent;

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
    /// Number of the answer's tokens, which the server reports at the end.
    reported_tokens: Option<usize>,
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
            reported_tokens: None,
            submitted_ms: now_ms,
            arrivals_ms: Vec::new(),
            paint_ms: 0.0,
            painted_tokens: 0,
        }
    }

    /// Applies an event that reached the page at `now_ms` on its clock.
    pub fn apply(&mut self, event: &ReceivedEvent, now_ms: f64) {
        match event {
            ReceivedEvent::Event(event) => self.apply_event(event, now_ms),
            ReceivedEvent::Opaque(event) => self.apply_opaque(event, now_ms),
        }
    }

    fn apply_opaque(&mut self, event: &OpaqueEvent, now_ms: f64) {
        match event {
            OpaqueEvent::Text { text } => {
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
            OpaqueEvent::Done {
                finish_reason,
                usage,
            } => {
                self.prompt_tokens = usage.map(|usage| usage.prompt_tokens);
                self.reused_tokens = usage.and_then(|usage| usage.reused_tokens);
                self.reported_tokens = usage.map(|usage| usage.completion_tokens);
                self.outcome = Outcome::Finished(*finish_reason);
            }
        }
    }

    fn apply_event(&mut self, event: &Event, now_ms: f64) {
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

    /// Adds the `ms` that the page took to draw `tokens` tokens.
    pub fn add_paint(&mut self, tokens: usize, ms: f64) {
        self.paint_ms += ms;
        self.painted_tokens += tokens;
    }

    /// Returns the number of tokens sampled so far, if known.
    pub fn tokens(&self) -> Option<usize> {
        match self.bars.last()? {
            Bar::Step(_) => Some(self.arrivals_ms.len()),
            Bar::Piece(_) => self.reported_tokens,
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
    fn server_figures(&self) -> Option<ServerFigures> {
        if !self.at_server {
            return None;
        }
        let record = Record {
            request: self.request,
            steps: self.steps().map(|step| step.timing).collect(),
            ids: self.ids().collect(),
            ..Record::default()
        };
        Some(ServerFigures {
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
        let mean = |segment: Segment| {
            let n = walls.len();
            (n > 0).then(|| decode().map(|s| segment.ms(&s.timing)).sum::<f64>() / n as f64)
        };
        let elapsed = match self.arrivals_ms.as_slice() {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        Summary {
            tokens: self.tokens(),
            pieces: self.pieces(),
            at_server: self.at_server,
            server_figures: self.server_figures(),
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
            ttft_ms: self
                .arrivals_ms
                .first()
                .map(|first| first - self.submitted_ms),
            tokens_per_s: match self.pieces() {
                None => rate(gaps.len(), elapsed),
                Some(_) => self
                    .reported_tokens
                    .and_then(|tokens| rate(tokens, self.arrivals_ms.last()? - self.submitted_ms)),
            },
            tpot_p50_ms: percentile(&gaps, 50.0),
            tpot_p95_ms: percentile(&gaps, 95.0),
            step_p50_ms: percentile(&walls, 50.0),
            prefill_per_s: (prefill_ms > 0.0)
                .then(|| f64::from(prefill_tokens) * 1000.0 / prefill_ms),
            segment_mean_ms: Segment::ALL.map(mean),
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
