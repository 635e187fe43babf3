//! Breaks down a step's time: spans, stages, clocks, and one [`StepTiming`] per step.
//!
//! The page, the terminal, `bench` and every report render this same struct. All durations are in milliseconds.
//! Spans are measured back to back, so the stages of a step add up to its wall time, except for time that no
//! span covers. That residue is kept and shown.

mod load;
mod parts;
mod profile;

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

pub use load::{LoadPart, LoadSpan, LoadTiming};
pub use parts::{ModelPart, PartTimes};
pub use profile::{KernelTime, LayerTime, StepCost, StepProfile, by_kernel};

/// One named interval of a request or a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Span {
    /// Rendering the chat template (once per request).
    Template,
    /// Converting text to token ids (once per request).
    Tokenize,
    /// Compiling the output format's grammar (once per request; the first compilation also builds the
    /// vocabulary's trie).
    Grammar,
    /// Waiting for a free slot (once per request).
    Queue,
    /// Choosing the request that runs next (once per request).
    Schedule,
    /// Deciding which ids and positions the step computes, and which ids constrained requests may sample.
    Plan,
    /// Writing ids, positions and masks to the device.
    Upload,
    /// Computing the step's operations on the CPU backend. It has no device, so `encode`, `submit` and `gpu` do
    /// not occur there.
    Compute,
    /// Encoding the step's operations for a device. Chunks of a prompt are also submitted in this span.
    Encode,
    /// Submitting the encoded operations to the device's queue.
    Submit,
    /// Waiting for the device to finish. If the device samples, this includes the wait for the four bytes of
    /// the token id.
    Gpu,
    /// Sampling the token on the host. Sampling on the device is part of the wait for it.
    Sample,
    /// Copying back the data that the host needs for sampling.
    Readback,
    /// Converting token ids to text.
    Detokenize,
    /// Building the step's events.
    Emit,
    /// Drawing the token in the page (measured by the page, on its own clock).
    Paint,
}

/// Stage of a step under which spans are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Work done once per request, outside any step.
    Request,
    /// Work before the model runs: plan and upload.
    Preprocess,
    /// Running the model: encode, submit and the wait for the device, or compute on the CPU backend.
    Forward,
    /// Converting logits to a token id on the host.
    Sampling,
    /// Converting a token id to text and events.
    Text,
}

impl Span {
    /// All spans, in the order in which a request passes through them.
    pub const ALL: [Self; 16] = *<Self as strum::VariantArray>::VARIANTS
        .first_chunk()
        .expect("16 spans");

    /// Returns the stage under which this span is summed up.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Template | Self::Tokenize | Self::Grammar | Self::Queue | Self::Schedule => {
                Stage::Request
            }
            Self::Plan | Self::Upload => Stage::Preprocess,
            Self::Compute | Self::Encode | Self::Submit | Self::Gpu => Stage::Forward,
            Self::Sample | Self::Readback => Stage::Sampling,
            Self::Detokenize | Self::Emit | Self::Paint => Stage::Text,
        }
    }

    /// Name of the span in every report and trace.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

impl Stage {
    /// Stages of a step, in order.
    pub const STEP: [Self; 4] = [Self::Preprocess, Self::Forward, Self::Sampling, Self::Text];

    /// Name of the stage in every report.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

/// Milliseconds per span. Spans that did not occur are zero and are not serialised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(Span, f64)>", into = "Vec<(Span, f64)>")]
pub struct Spans([f64; Span::ALL.len()]);

impl Spans {
    /// Adds `ms` to `span`.
    pub fn add(&mut self, span: Span, ms: f64) {
        self.0[span as usize] += ms;
    }

    /// Returns the milliseconds booked under `span`.
    pub fn get(&self, span: Span) -> f64 {
        self.0[span as usize]
    }

    /// Returns the milliseconds booked under all spans of `stage`.
    pub fn stage(&self, stage: Stage) -> f64 {
        // Not `sum`, which returns -0 for an empty iterator.
        self.iter()
            .filter(|(span, _)| span.stage() == stage)
            .fold(0.0, |sum, (_, ms)| sum + ms)
    }

    /// Iterates over the spans that took any time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Span, f64)> + '_ {
        Span::ALL
            .into_iter()
            .map(|span| (span, self.get(span)))
            .filter(|(_, ms)| *ms != 0.0)
    }
}

impl From<Vec<(Span, f64)>> for Spans {
    fn from(pairs: Vec<(Span, f64)>) -> Self {
        let mut spans = Self::default();
        for (span, ms) in pairs {
            spans.add(span, ms);
        }
        spans
    }
}

impl From<Spans> for Vec<(Span, f64)> {
    fn from(spans: Spans) -> Self {
        spans.iter().collect()
    }
}

/// Clock that a timing was read from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clock {
    /// Source of the readings.
    pub source: ClockSource,
    /// Smallest difference seen between two readings, in milliseconds; measured, not assumed.
    pub resolution_ms: f64,
}

/// Kind of clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// The operating system's monotonic clock.
    Monotonic,
    /// The browser's `performance.now()`, which browsers coarsen.
    PerformanceNow,
    /// Timestamps that the device wrote itself.
    Device,
}

impl ClockSource {
    /// Name of the clock for display.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monotonic => "monotonic clock",
            Self::PerformanceNow => "performance.now()",
            Self::Device => "device timestamps",
        }
    }
}

/// Kind of work that a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::VariantNames)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StepKind {
    /// Computes many prompt ids at once.
    Prefill,
    /// Computes one id per sequence and samples the next one.
    Decode,
}

impl StepKind {
    /// Name of the kind for display.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

/// Breakdown of one step's time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// Kind of work that the step did.
    pub kind: StepKind,
    /// Number of positions that the step computed.
    pub tokens: u32,
    /// Position of the first of them in the sequence.
    pub position: u32,
    /// Start of the step, in milliseconds since the engine was created.
    pub start_ms: f64,
    /// Time from the start to the end of the step, measured independently of the spans.
    pub wall_ms: f64,
    /// Time per span.
    pub spans: Spans,
    /// Clock that all of these were read from.
    pub clock: Clock,
    /// Timing of the same step on the device's own clock, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceTiming>,
    /// Time per part of the model within [`Span::Compute`], if the executor measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartTimes>,
}

/// Device time of a step, from timestamps that the device wrote: from the start of a stage's first pass to the
/// end of its last one. It is part of the time that the host waited and must not be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceTiming {
    /// From ids to logits, in milliseconds.
    pub forward_ms: f64,
    /// From logits to a token id, in milliseconds; zero if the step sampled nothing.
    pub sampling_ms: f64,
    /// The device's clock.
    pub clock: Clock,
}

impl StepTiming {
    /// Returns the milliseconds booked under `stage`.
    pub fn stage(&self, stage: Stage) -> f64 {
        self.spans.stage(stage)
    }

    /// Returns the milliseconds of [`Span::Compute`] that no part of the model accounts for, if parts were measured. It
    /// may be slightly negative on a coarse clock.
    pub fn parts_residue_ms(&self) -> Option<f64> {
        let parts = self.parts?;
        Some(self.spans.get(Span::Compute) - parts.total())
    }

    /// Returns the wall time that no stage accounts for. It may be slightly negative on a coarse clock.
    pub fn residue_ms(&self) -> f64 {
        self.wall_ms - Stage::STEP.iter().map(|s| self.stage(*s)).sum::<f64>()
    }
}

/// Breakdown of the time spent once per request, before its first step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestTiming {
    /// Time per span: template, tokenize, grammar, queue, schedule.
    pub spans: Spans,
    /// Clock that all of these were read from.
    pub clock: Clock,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock {
        source: ClockSource::Monotonic,
        resolution_ms: 0.0,
    };

    #[test]
    fn residue_is_wall_time_without_stages() {
        let mut spans = Spans::default();
        spans.add(Span::Plan, 1.0);
        spans.add(Span::Encode, 2.0);
        spans.add(Span::Gpu, 4.0);
        spans.add(Span::Readback, 8.0);
        spans.add(Span::Template, 100.0);
        let timing = StepTiming {
            kind: StepKind::Decode,
            tokens: 1,
            position: 0,
            start_ms: 0.0,
            wall_ms: 16.0,
            spans,
            clock: CLOCK,
            device: None,
            parts: None,
        };
        assert_eq!(timing.stage(Stage::Forward), 6.0);
        assert_eq!(timing.residue_ms(), 1.0);
    }

    #[test]
    fn spans_are_serialised_by_name() {
        let mut spans = Spans::default();
        spans.add(Span::Gpu, 1.5);
        let json = serde_json::to_string(&spans).expect("serialises");
        assert_eq!(json, r#"[["gpu",1.5]]"#);
        let back: Spans = serde_json::from_str(&json).expect("parses");
        assert_eq!(back, spans);
    }
}
