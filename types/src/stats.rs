//! Computes figures from events: percentiles, tokens per second, TTFT and TPOT.
//!
//! Pure functions of values. The page's overlay, the terminal's summary, `bench` and every report use them, so
//! all count in the same way.

mod distribution;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use distribution::Distribution;

use serde::{Deserialize, Serialize};

use crate::event::{Event, FinishReason};
use crate::timing::{
    Clock, DeviceTiming, ModelPart, RequestTiming, Span, Stage, StepKind, StepTiming,
};

/// Returns the `p`-th percentile (0 to 100) of `values`, which may be in any order. It interpolates linearly
/// between the two nearest ranks, like numpy's default. Values that are not finite are ignored; `None` if no
/// value remains.
pub fn percentile(values: &[f64], p: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let rank = p.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = rank.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (rank - below as f64))
}

/// Minimum, median and maximum of a set of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Smallest value.
    pub min: f64,
    /// Middle value, or the mean of the two middle values.
    pub median: f64,
    /// Largest value.
    pub max: f64,
}

impl Range {
    /// Returns the range of `values`, or `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            min: percentile(values, 0.0)?,
            median: percentile(values, 50.0)?,
            max: percentile(values, 100.0)?,
        })
    }
}

/// Median and 95th percentile of a set of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// 50th percentile (median).
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl Quantiles {
    /// Returns the quantiles of `values`, or `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            p50: percentile(values, 50.0)?,
            p95: percentile(values, 95.0)?,
        })
    }
}

/// Quantiles of one stage or span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Name of the stage or span; `rest` is the residue that no stage accounts for.
    pub name: String,
    /// Milliseconds per step.
    pub ms: Quantiles,
}

impl Named {
    /// Returns the name on screen.
    pub fn label(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// Breakdown of the time of all steps of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepStats {
    /// Number of steps.
    pub steps: usize,
    /// Number of positions that they computed.
    pub tokens: u64,
    /// Wall time per step, in milliseconds.
    pub wall_ms: Quantiles,
    /// Time per stage, in order, with `rest` last.
    pub stages: Vec<Named>,
    /// Time per span, in order, without spans that never occurred.
    pub spans: Vec<Named>,
    /// Time per stage (forward and sampling) on the device's own clock; empty if the device has none. It is
    /// part of the time that the host waited.
    #[serde(default)]
    pub device: Vec<Named>,
    /// Time per part of the model within the span `compute`, in order, with `rest` for what they leave of it; empty
    /// if the executor does not measure parts.
    #[serde(default)]
    pub parts: Vec<Named>,
}

impl StepStats {
    /// Computes the statistics of all `steps` of this `kind`.
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
            parts: parts(&steps),
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

fn parts(steps: &[&StepTiming]) -> Vec<Named> {
    let named = |name: &str, figure: &dyn Fn(&StepTiming) -> Option<f64>| {
        let values: Vec<f64> = steps.iter().filter_map(|step| figure(step)).collect();
        let ms = Quantiles::of(&values)?;
        let name = name.to_owned();
        Some(Named { name, ms })
    };
    ModelPart::ALL
        .into_iter()
        .filter_map(|part| named(part.name(), &|step| Some(step.parts?.get(part))))
        .chain(named("rest", &StepTiming::parts_residue_ms))
        .collect()
}

/// Returns the device's clock, if any of `steps` was timed on it.
pub fn device_clock(steps: &[StepTiming]) -> Option<Clock> {
    let timing = steps.iter().find_map(|step| step.device)?;
    Some(timing.clock)
}

/// The history of one request, collected from its events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of prompt ids.
    pub prompt_tokens: usize,
    /// Number of prompt ids that were found in the KV cache.
    pub reused_tokens: usize,
    /// Timing of the work done once per request.
    pub request: Option<RequestTiming>,
    /// All steps in order: the prefill chunks, then the decode steps.
    pub steps: Vec<StepTiming>,
    /// Sampled token ids, in order.
    pub ids: Vec<u32>,
    /// Text of the completion.
    pub text: String,
    /// Reason why the request finished, once it has.
    pub finish_reason: Option<FinishReason>,
    /// Error message, if the request failed.
    pub error: Option<String>,
}

impl Record {
    /// Records one event of this request.
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

    /// Returns the index of the step that sampled the first token, which is the last prefill step.
    fn first_token(&self) -> Option<usize> {
        let decode = self
            .steps
            .iter()
            .position(|step| step.kind == StepKind::Decode)
            .unwrap_or(self.steps.len());
        decode.checked_sub(1).filter(|_| !self.ids.is_empty())
    }

    /// Returns the time of the first token, in milliseconds since the engine was created.
    pub fn first_token_at_ms(&self) -> Option<f64> {
        Some(end_ms(&self.steps[self.first_token()?]))
    }

    /// Returns the time of the last token, in milliseconds since the engine was created.
    pub fn last_token_at_ms(&self) -> Option<f64> {
        self.first_token()?;
        self.steps.last().map(end_ms)
    }

    /// Returns the time of each token, in milliseconds since the engine was created.
    pub fn token_times_ms(&self) -> Vec<f64> {
        let first = self.first_token().unwrap_or(self.steps.len());
        self.steps[first..].iter().map(end_ms).collect()
    }

    /// Counts the tokens that came after `ms`.
    pub fn tokens_after(&self, ms: f64) -> usize {
        self.token_times_ms().iter().filter(|at| **at > ms).count()
    }

    /// Milliseconds that the request waited in the queue for its first step.
    pub fn queue_ms(&self) -> Option<f64> {
        let request = self.request?;
        Some(request.spans.get(Span::Queue))
    }

    /// Time to first token, in milliseconds from the request's submission: the work done once per request and
    /// the prefill, including the gaps between its chunks.
    pub fn ttft_ms(&self) -> Option<f64> {
        let (first, last) = (self.steps.first()?, &self.steps[self.first_token()?]);
        let before = self
            .request
            .map_or(0.0, |timing| timing.spans.stage(Stage::Request));
        Some(before + end_ms(last) - first.start_ms)
    }

    /// Milliseconds from each token to the next: a decode step and the gap before it.
    pub fn tpot_ms(&self) -> Vec<f64> {
        let times = self.token_times_ms();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Prompt tokens computed per second, from the start of the first chunk to the first token.
    pub fn prefill_tok_s(&self) -> Option<f64> {
        let prefill = &self.steps[..=self.first_token()?];
        let tokens: u64 = prefill.iter().map(|step| u64::from(step.tokens)).sum();
        let ms = end_ms(prefill.last()?) - prefill.first()?.start_ms;
        per_second(tokens as f64, ms)
    }

    /// Tokens per second after the first token.
    pub fn decode_tok_s(&self) -> Option<f64> {
        let gaps = self.tpot_ms();
        per_second(gaps.len() as f64, gaps.iter().sum())
    }

    /// Computes the request's figures.
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

/// Figures of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of prompt ids.
    pub prompt_tokens: usize,
    /// Number of prompt ids that were found in the KV cache.
    pub reused_tokens: usize,
    /// Number of sampled token ids.
    pub completion_tokens: usize,
    /// Milliseconds that the request waited in the queue for its first step.
    #[serde(default)]
    pub queue_ms: Option<f64>,
    /// Time to first token (TTFT), in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Time per output token (TPOT): milliseconds from one token to the next.
    pub tpot_ms: Option<Quantiles>,
    /// Prompt tokens computed per second.
    pub prefill_tok_s: Option<f64>,
    /// Tokens per second after the first token.
    pub decode_tok_s: Option<f64>,
    /// Statistics of the prefill steps.
    pub prefill: StepStats,
    /// Statistics of the decode steps.
    pub decode: StepStats,
    /// Clock of all figures, except those of the device.
    pub clock: Option<Clock>,
    /// Clock of the device's figures, if it has one.
    #[serde(default)]
    pub device_clock: Option<Clock>,
}

fn end_ms(step: &StepTiming) -> f64 {
    step.start_ms + step.wall_ms
}

/// Returns `None` if the clock was too coarse to see any time pass.
fn per_second(count: f64, ms: f64) -> Option<f64> {
    (count > 0.0 && ms > 0.0).then(|| count / ms * 1e3)
}

#[cfg(test)]
mod tests;
