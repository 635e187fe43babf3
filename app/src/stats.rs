//! Events to statistics: a pure fold, so that every figure on the page can be tested without one.
//!
//! Two clocks meet here and are never mixed: spans and walls of steps are the engine's; the time
//! to the first token, the time between tokens and the paint time are the page's (`now_ms`).

use std::collections::BTreeMap;
use std::ops::Range;

use llamaglass_engine::event::{Event, FinishReason, Usage};
use llamaglass_engine::stats::percentile;
use llamaglass_engine::timing::{Clock, DeviceTiming, RequestTiming, Stage, StepKind, StepTiming};

use crate::protocol::Tag;

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
    Finished {
        /// Why.
        reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
    /// With an error.
    Failed(String),
}

/// Everything that is known of one answer.
#[derive(Clone, Debug)]
pub struct AnswerStats {
    /// The answer's text so far.
    pub text: String,
    /// Steps in the order in which they ran.
    pub steps: Vec<StepRecord>,
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids that came from the KV cache.
    pub reused_tokens: usize,
    /// Template, tokenize, queue and schedule.
    pub request: Option<RequestTiming>,
    /// How it ended, or that it did not yet.
    pub outcome: Outcome,
    submitted_ms: f64,
    arrivals_ms: Vec<f64>,
    paint_ms: f64,
    painted_tokens: usize,
}

impl AnswerStats {
    /// A request handed to the engine at `now_ms` of the page's clock.
    pub fn submitted(now_ms: f64) -> Self {
        Self {
            text: String::new(),
            steps: Vec::new(),
            prompt_tokens: 0,
            reused_tokens: 0,
            request: None,
            outcome: Outcome::Running,
            submitted_ms: now_ms,
            arrivals_ms: Vec::new(),
            paint_ms: 0.0,
            painted_tokens: 0,
        }
    }

    /// Takes one event that reached the page at `now_ms` of the page's clock.
    pub fn apply(&mut self, event: &Event, now_ms: f64) {
        match event {
            Event::Queued { .. } | Event::Preempted { .. } => {}
            Event::Started {
                prompt_tokens,
                reused_tokens,
                timing,
                ..
            } => {
                self.prompt_tokens = *prompt_tokens;
                self.reused_tokens = *reused_tokens;
                self.request = Some(*timing);
            }
            Event::Prefill { timing, .. } => self.steps.push(StepRecord {
                token: None,
                timing: *timing,
            }),
            Event::Token {
                id, text, timing, ..
            } => {
                let start = self.text.len();
                self.text.push_str(text);
                self.steps.push(StepRecord {
                    token: Some(TokenRecord {
                        index: self.arrivals_ms.len(),
                        id: *id,
                        text: start..self.text.len(),
                    }),
                    timing: *timing,
                });
                self.arrivals_ms.push(now_ms);
            }
            Event::Done {
                text,
                usage,
                finish_reason,
                ..
            } => {
                self.text.push_str(text);
                self.outcome = Outcome::Finished {
                    reason: *finish_reason,
                    usage: *usage,
                };
            }
            Event::Failed { error, .. } => self.outcome = Outcome::Failed(error.clone()),
        }
    }

    /// Books what the page itself took to draw `tokens` tokens.
    pub fn painted(&mut self, tokens: usize, ms: f64) {
        self.paint_ms += ms;
        self.painted_tokens += tokens;
    }

    /// Tokens picked so far.
    pub fn tokens(&self) -> usize {
        self.arrivals_ms.len()
    }

    /// The ids picked so far, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.steps
            .iter()
            .filter_map(|step| step.token.as_ref().map(|token| token.id))
    }

    /// The figures that the page shows.
    pub fn summary(&self) -> Summary {
        let gaps: Vec<f64> = self.arrivals_ms.windows(2).map(|w| w[1] - w[0]).collect();
        let decode = || {
            self.steps
                .iter()
                .filter(|s| s.timing.kind == StepKind::Decode)
        };
        let walls: Vec<f64> = decode().map(|s| s.timing.wall_ms).collect();
        let (mut prefill_ms, mut prefill_tokens) = (0.0, 0);
        for step in self
            .steps
            .iter()
            .filter(|s| s.timing.kind == StepKind::Prefill)
        {
            prefill_ms += step.timing.wall_ms;
            prefill_tokens += step.timing.tokens;
        }
        let mean = |stage: Stage| {
            let n = walls.len();
            (n > 0).then(|| decode().map(|s| s.timing.stage(stage)).sum::<f64>() / n as f64)
        };
        let elapsed = match self.arrivals_ms.as_slice() {
            [first, .., last] => last - first,
            _ => 0.0,
        };
        Summary {
            tokens: self.tokens(),
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
            ttft_ms: self
                .arrivals_ms
                .first()
                .map(|first| first - self.submitted_ms),
            tokens_per_s: (elapsed > 0.0).then(|| gaps.len() as f64 * 1000.0 / elapsed),
            tpot_p50_ms: percentile(&gaps, 50.0),
            tpot_p95_ms: percentile(&gaps, 95.0),
            step_p50_ms: percentile(&walls, 50.0),
            prefill_per_s: (prefill_ms > 0.0)
                .then(|| f64::from(prefill_tokens) * 1000.0 / prefill_ms),
            stage_mean_ms: Stage::STEP.map(mean),
            rest_mean_ms: (!walls.is_empty())
                .then(|| decode().map(|s| s.timing.residue_ms()).sum::<f64>() / walls.len() as f64),
            paint_ms: (self.painted_tokens > 0).then(|| self.paint_ms / self.painted_tokens as f64),
            clock: self.steps.last().map(|s| s.timing.clock),
            device: mean_on_device(decode().map(|s| &s.timing)),
        }
    }
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
    pub tokens: usize,
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids from the KV cache.
    pub reused_tokens: usize,
    /// From submitting in the page to the first token's event in the page.
    pub ttft_ms: Option<f64>,
    /// Tokens after the first, over the time since it came; the page's clock.
    pub tokens_per_s: Option<f64>,
    /// Median time between two token events in the page.
    pub tpot_p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub tpot_p95_ms: Option<f64>,
    /// Median wall time of a decode step; the engine's clock.
    pub step_p50_ms: Option<f64>,
    /// Prompt tokens computed (not reused) in a second of prefill steps; the engine's clock.
    pub prefill_per_s: Option<f64>,
    /// Mean of a decode step's stages, in the order of [`Stage::STEP`].
    pub stage_mean_ms: [Option<f64>; 4],
    /// Mean of what no stage accounts for.
    pub rest_mean_ms: Option<f64>,
    /// What the page took to draw one token; the page's clock.
    pub paint_ms: Option<f64>,
    /// The clock of the engine's figures.
    pub clock: Option<Clock>,
    /// Mean of a decode step on the device's own clock, where it has one.
    pub device: Option<DeviceTiming>,
}

/// Every answer of this visit, by the page's tag.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    answers: BTreeMap<Tag, AnswerStats>,
}

impl SessionStats {
    /// Notes that the request `tag` was handed to the engine.
    pub fn submit(&mut self, tag: Tag, now_ms: f64) {
        self.answers.insert(tag, AnswerStats::submitted(now_ms));
    }

    /// Takes one event of the request `tag`; events of requests that were forgotten are dropped.
    pub fn apply(&mut self, tag: Tag, event: &Event, now_ms: f64) {
        if let Some(answer) = self.answers.get_mut(&tag) {
            answer.apply(event, now_ms);
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
