//! Figures from events: percentiles, tokens a second, time to the first token, time per token.
//!
//! Pure values in, values out: the page's overlay, the terminal's summary, `bench` and every later
//! report count the same way because they all count here.

mod distribution;
#[cfg(test)]
pub(crate) mod testing;

pub use distribution::Distribution;

use serde::{Deserialize, Serialize};

use crate::event::{Event, FinishReason};
use crate::timing::{Clock, DeviceTiming, RequestTiming, Span, Stage, StepKind, StepTiming};

/// The `p`-th percentile (0 to 100) of `values`, in any order: linear between the two nearest
/// ranks, as numpy's default does. Values that are not finite are left out; none left is `None`.
pub fn percentile(values: &[f64], p: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let rank = p.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = rank.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (rank - below as f64))
}

/// Smallest, middle and largest of some figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Range {
    /// The range of `values`; `None` where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            min: percentile(values, 0.0)?,
            median: percentile(values, 50.0)?,
            max: percentile(values, 100.0)?,
        })
    }
}

/// The middle and the slow end of some figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
}

impl Quantiles {
    /// The quantiles of `values`; `None` where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            p50: percentile(values, 50.0)?,
            p95: percentile(values, 95.0)?,
        })
    }
}

/// One name's quantiles, in milliseconds a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The stage's or span's name; `rest` is the residue that no stage accounts for.
    pub name: String,
    /// Milliseconds a step.
    pub ms: Quantiles,
}

/// Where the time of many steps of one kind went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepStats {
    /// How many steps.
    pub steps: usize,
    /// How many positions they computed.
    pub tokens: u64,
    /// Wall time of a step, in milliseconds.
    pub wall_ms: Quantiles,
    /// By stage, in order, `rest` last.
    pub stages: Vec<Named>,
    /// By span, in order; spans that never happened are left out.
    pub spans: Vec<Named>,
    /// By stage on the device's own clock, forward and sampling; empty where it has none. Part of what
    /// the host waited for.
    #[serde(default)]
    pub device: Vec<Named>,
}

impl StepStats {
    /// The statistics of those of `steps` that are of `kind`.
    pub fn of(steps: &[StepTiming], kind: StepKind) -> Self {
        let steps: Vec<&StepTiming> = steps.iter().filter(|step| step.kind == kind).collect();
        let quantiles = |figure: &dyn Fn(&StepTiming) -> f64| {
            let values: Vec<f64> = steps.iter().map(|step| figure(step)).collect();
            Quantiles::of(&values).unwrap_or_default()
        };
        let named = |name: &str, figure: &dyn Fn(&StepTiming) -> f64| Named {
            name: name.to_owned(),
            ms: quantiles(figure),
        };
        let happened = |span: &Span| steps.iter().any(|step| step.spans.get(*span) != 0.0);
        Self {
            steps: steps.len(),
            tokens: steps.iter().map(|step| u64::from(step.tokens)).sum(),
            wall_ms: quantiles(&|step| step.wall_ms),
            stages: Stage::STEP
                .into_iter()
                .map(|stage| named(stage.name(), &|step| step.stage(stage)))
                .chain([named("rest", &StepTiming::residue_ms)])
                .collect(),
            spans: Span::ALL
                .into_iter()
                .filter(happened)
                .map(|span| named(span.name(), &|step| step.spans.get(span)))
                .collect(),
            device: on_device(&steps),
        }
    }
}

fn on_device(steps: &[&StepTiming]) -> Vec<Named> {
    let timed: Vec<DeviceTiming> = steps.iter().filter_map(|step| step.device).collect();
    let named = |stage: Stage, figure: fn(&DeviceTiming) -> f64| {
        let values: Vec<f64> = timed.iter().map(figure).collect();
        let ms = Quantiles::of(&values)?;
        let name = stage.name().to_owned();
        Some(Named { name, ms })
    };
    let forward = named(Stage::Forward, |timing| timing.forward_ms);
    let sampling = named(Stage::Sampling, |timing| timing.sampling_ms);
    forward.into_iter().chain(sampling).collect()
}

/// The device's clock, where one of `steps` was timed on it.
pub fn device_clock(steps: &[StepTiming]) -> Option<Clock> {
    let timing = steps.iter().find_map(|step| step.device)?;
    Some(timing.clock)
}

/// What one request's events said, gathered as they come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids that came from the KV cache.
    pub reused_tokens: usize,
    /// Once-a-request time.
    pub request: Option<RequestTiming>,
    /// Every step, in order: the prefill chunks, then the decode steps.
    pub steps: Vec<StepTiming>,
    /// Ids picked, in order.
    pub ids: Vec<u32>,
    /// The answer's text.
    pub text: String,
    /// Why it ended, once it did.
    pub finish_reason: Option<FinishReason>,
    /// What went wrong, where something did.
    pub error: Option<String>,
}

impl Record {
    /// Takes one event of this request.
    pub fn push(&mut self, event: &Event) {
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
            Event::Prefill { timing, .. } => self.steps.push(*timing),
            Event::Token {
                id, text, timing, ..
            } => {
                self.ids.push(*id);
                self.text.push_str(text);
                self.steps.push(*timing);
            }
            Event::Done {
                text,
                finish_reason,
                ..
            } => {
                self.text.push_str(text);
                self.finish_reason = Some(*finish_reason);
            }
            Event::Failed { error, .. } => self.error = Some(error.clone()),
        }
    }

    /// The step that picked the first token ends the prefill.
    fn first_token(&self) -> Option<usize> {
        let decode = self
            .steps
            .iter()
            .position(|step| step.kind == StepKind::Decode)
            .unwrap_or(self.steps.len());
        decode.checked_sub(1).filter(|_| !self.ids.is_empty())
    }

    /// When the first token was there, in milliseconds since the engine was made.
    pub(crate) fn first_token_at_ms(&self) -> Option<f64> {
        Some(end_ms(&self.steps[self.first_token()?]))
    }

    /// When the last token was.
    pub(crate) fn last_token_at_ms(&self) -> Option<f64> {
        self.first_token()?;
        self.steps.last().map(end_ms)
    }

    /// How many tokens came after `ms`.
    pub(crate) fn tokens_after(&self, ms: f64) -> usize {
        let first = self.first_token().unwrap_or(self.steps.len());
        let steps = self.steps[first..].iter();
        steps.filter(|step| end_ms(step) > ms).count()
    }

    /// Milliseconds that the request waited for its first step.
    pub fn queue_ms(&self) -> Option<f64> {
        let request = self.request?;
        Some(request.spans.get(Span::Queue))
    }

    /// Milliseconds from submitting the request to its first token: the once-a-request spans and
    /// the prefill with what lay between its chunks.
    pub fn ttft_ms(&self) -> Option<f64> {
        let (first, last) = (self.steps.first()?, &self.steps[self.first_token()?]);
        let before = self
            .request
            .map_or(0.0, |timing| timing.spans.stage(Stage::Request));
        Some(before + end_ms(last) - first.start_ms)
    }

    /// Milliseconds from each token to the next: a decode step with what lay between it and the
    /// step before.
    pub fn tpot_ms(&self) -> Vec<f64> {
        let from = self.first_token().unwrap_or(self.steps.len());
        let steps = self.steps.get(from..).unwrap_or_default();
        steps
            .windows(2)
            .map(|pair| end_ms(&pair[1]) - end_ms(&pair[0]))
            .collect()
    }

    /// Prompt tokens computed a second: from the first chunk's begin to the first token.
    pub fn prefill_tok_s(&self) -> Option<f64> {
        let prefill = &self.steps[..=self.first_token()?];
        let tokens: u64 = prefill.iter().map(|step| u64::from(step.tokens)).sum();
        let ms = end_ms(prefill.last()?) - prefill.first()?.start_ms;
        per_second(tokens as f64, ms)
    }

    /// Tokens a second after the first one.
    pub fn decode_tok_s(&self) -> Option<f64> {
        let gaps = self.tpot_ms();
        per_second(gaps.len() as f64, gaps.iter().sum())
    }

    /// The request's figures.
    pub fn summary(&self) -> Summary {
        Summary {
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
            completion_tokens: self.ids.len(),
            queue_ms: self.queue_ms(),
            ttft_ms: self.ttft_ms(),
            tpot_ms: Quantiles::of(&self.tpot_ms()),
            prefill_tok_s: self.prefill_tok_s(),
            decode_tok_s: self.decode_tok_s(),
            prefill: StepStats::of(&self.steps, StepKind::Prefill),
            decode: StepStats::of(&self.steps, StepKind::Decode),
            clock: self.steps.first().map(|step| step.clock),
            device_clock: device_clock(&self.steps),
        }
    }
}

/// One request in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids that came from the KV cache.
    pub reused_tokens: usize,
    /// Ids picked.
    pub completion_tokens: usize,
    /// Milliseconds that the request waited for its first step.
    #[serde(default)]
    pub queue_ms: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds from token to token.
    pub tpot_ms: Option<Quantiles>,
    /// Prompt tokens computed a second.
    pub prefill_tok_s: Option<f64>,
    /// Tokens a second after the first.
    pub decode_tok_s: Option<f64>,
    /// The prefill steps.
    pub prefill: StepStats,
    /// The decode steps.
    pub decode: StepStats,
    /// The clock all of it was read from, but for what is said to be on the device.
    pub clock: Option<Clock>,
    /// The clock of that, where the device has one.
    #[serde(default)]
    pub device_clock: Option<Clock>,
}

fn end_ms(step: &StepTiming) -> f64 {
    step.start_ms + step.wall_ms
}

/// `None` where the clock was too coarse to see any time pass.
fn per_second(count: f64, ms: f64) -> Option<f64> {
    (count > 0.0 && ms > 0.0).then(|| count / ms * 1e3)
}

#[cfg(test)]
mod tests;
