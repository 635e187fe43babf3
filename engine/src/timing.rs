//! Where a step's time went: spans, stages, clocks, and one [`StepTiming`] a step.
//!
//! The page, the terminal, `bench` and every report render this same struct. All durations are
//! milliseconds. Spans are booked as laps that follow each other without a gap, so the stages of a
//! step add up to its wall time but for what nobody booked, and that residue is kept and shown.

mod profile;

use serde::{Deserialize, Serialize};

pub use profile::{KernelTime, LayerTime, StepCost, StepProfile, by_kernel};

/// One named interval of a request or a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Rendering the chat template (once a request).
    Template,
    /// Text to ids (once a request).
    Tokenize,
    /// Compiling what constrains the answer (once a request; the first one's with the vocabulary's trie).
    Grammar,
    /// Waiting for a free slot (once a request).
    Queue,
    /// Picking what runs next (once a request).
    Schedule,
    /// Deciding which ids and positions this step computes, and which ids constrained answers may have.
    Plan,
    /// Writing ids, positions and masks to the device.
    Upload,
    /// Computing the step's operations on the CPU backend, which has no device: there is no `encode`,
    /// `submit` or `gpu` then.
    Compute,
    /// Issuing the step's operations to a device. Chunks of a prompt are also submitted here.
    Encode,
    /// Handing the issued operations to the device's queue.
    Submit,
    /// Waiting for the device to finish; where the device picks the token, for its four bytes.
    Gpu,
    /// Picking the token on the host. A pick on the device is part of the wait for it.
    Sample,
    /// Copying what the host needs to pick.
    Readback,
    /// Ids to text.
    Detokenize,
    /// Building the step's events.
    Emit,
    /// Drawing the token in the page (booked by the page, on its own clock).
    Paint,
}

/// What a span is added up under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Once-a-request work, outside any step.
    Request,
    /// Before the model: plan and upload.
    Preprocess,
    /// The model: encode, submit and the wait for the device, or compute on the CPU backend.
    Forward,
    /// Logits to a token id on the host.
    Sampling,
    /// Token id to text and events.
    Text,
}

impl Span {
    /// Every span, in the order in which a request meets them.
    pub const ALL: [Self; 16] = [
        Self::Template,
        Self::Tokenize,
        Self::Grammar,
        Self::Queue,
        Self::Schedule,
        Self::Plan,
        Self::Upload,
        Self::Compute,
        Self::Encode,
        Self::Submit,
        Self::Gpu,
        Self::Sample,
        Self::Readback,
        Self::Detokenize,
        Self::Emit,
        Self::Paint,
    ];

    /// The stage under which this span is added up.
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

    /// The span's name as every report and trace spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Tokenize => "tokenize",
            Self::Grammar => "grammar",
            Self::Queue => "queue",
            Self::Schedule => "schedule",
            Self::Plan => "plan",
            Self::Upload => "upload",
            Self::Compute => "compute",
            Self::Encode => "encode",
            Self::Submit => "submit",
            Self::Gpu => "gpu",
            Self::Sample => "sample",
            Self::Readback => "readback",
            Self::Detokenize => "detokenize",
            Self::Emit => "emit",
            Self::Paint => "paint",
        }
    }
}

impl Stage {
    /// The stages of a step, in order.
    pub const STEP: [Self; 4] = [Self::Preprocess, Self::Forward, Self::Sampling, Self::Text];

    /// The stage's name as every report spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Preprocess => "preprocess",
            Self::Forward => "forward",
            Self::Sampling => "sampling",
            Self::Text => "text",
        }
    }
}

/// Milliseconds by span. A span that did not happen is zero and is not serialised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(Span, f64)>", into = "Vec<(Span, f64)>")]
pub struct Spans([f64; Span::ALL.len()]);

impl Spans {
    /// Adds `ms` to `span`.
    pub fn add(&mut self, span: Span, ms: f64) {
        self.0[span as usize] += ms;
    }

    /// Milliseconds booked under `span`.
    pub fn get(&self, span: Span) -> f64 {
        self.0[span as usize]
    }

    /// Milliseconds booked under all spans of `stage`.
    pub fn stage(&self, stage: Stage) -> f64 {
        // Not `sum`, which gives -0 for nothing.
        self.iter()
            .filter(|(span, _)| span.stage() == stage)
            .fold(0.0, |sum, (_, ms)| sum + ms)
    }

    /// The spans that took any time, in order.
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

/// Which clock a timing was read from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clock {
    /// Where the readings come from.
    pub source: ClockSource,
    /// The smallest step seen between two readings, in milliseconds; measured, not assumed.
    pub resolution_ms: f64,
}

/// The kinds of clock there are.
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
    /// The clock's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monotonic => "monotonic clock",
            Self::PerformanceNow => "performance.now()",
            Self::Device => "device timestamps",
        }
    }
}

/// What a step computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Prompt ids in, many at once.
    Prefill,
    /// One id in, one id out.
    Decode,
}

impl StepKind {
    /// The kind's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::Decode => "decode",
        }
    }
}

/// Where the time of one step went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// What the step computed.
    pub kind: StepKind,
    /// How many positions it computed.
    pub tokens: u32,
    /// The position of the first of them in the sequence.
    pub position: u32,
    /// When the step began, in milliseconds since the engine was made.
    pub start_ms: f64,
    /// From the step's begin to its end, read apart from the spans.
    pub wall_ms: f64,
    /// Time by span.
    pub spans: Spans,
    /// The clock all of it was read from.
    pub clock: Clock,
    /// The same step on the device's own clock, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceTiming>,
}

/// What a step took on the device, by timestamps that it wrote itself: from the begin of a stage's
/// first pass to the end of its last. Part of what the host waited for, and not to be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceTiming {
    /// Ids to logits, in milliseconds.
    pub forward_ms: f64,
    /// Logits to an id, in milliseconds; zero where the step picked none.
    pub sampling_ms: f64,
    /// The device's clock.
    pub clock: Clock,
}

impl StepTiming {
    /// Milliseconds booked under `stage`.
    pub fn stage(&self, stage: Stage) -> f64 {
        self.spans.stage(stage)
    }

    /// Wall time that no stage accounts for (may be slightly negative on a coarse clock).
    pub fn residue_ms(&self) -> f64 {
        self.wall_ms - Stage::STEP.iter().map(|s| self.stage(*s)).sum::<f64>()
    }
}

/// Where the once-a-request time went, before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestTiming {
    /// Time by span: template, tokenize, grammar, queue, schedule.
    pub spans: Spans,
    /// The clock all of it was read from.
    pub clock: Clock,
}

/// What a load spends its time with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadSpan {
    /// Fetching the files, where the loader did that.
    Download,
    /// Headers, tokenizer and template.
    Parse,
    /// Finding the adapter and opening it.
    Open,
    /// Finding out which variant of the kernels the device computes fastest.
    Compare,
    /// Reading tensors from the file.
    Read,
    /// Bringing their bits in the order in which the device reads them.
    Repack,
    /// Writing them to the device, and waiting for that.
    Write,
    /// Compiling kernels, on threads of its own. In a browser, handing them to its compiler.
    Compile,
    /// The first steps, which wait for kernels that are still being compiled.
    WarmUp,
}

impl LoadSpan {
    /// The span's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Parse => "parse",
            Self::Open => "open",
            Self::Compare => "compare",
            Self::Read => "read",
            Self::Repack => "repack",
            Self::Write => "write",
            Self::Compile => "compile",
            Self::WarmUp => "warm-up",
        }
    }
}

/// When a load was at something, in milliseconds since it began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPart {
    /// At what.
    pub span: LoadSpan,
    /// When it began.
    pub start_ms: f64,
    /// When it was done.
    pub end_ms: f64,
    /// How much of that it was at it: more than all of it where several threads were.
    pub busy_ms: f64,
}

/// Where the time of loading a model went: parts that take turns, or go on at the same time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadTiming {
    /// A part a span, in the order in which they began.
    #[serde(default)]
    pub parts: Vec<LoadPart>,
    /// The clock all of it was read from.
    #[serde(default)]
    pub clock: Option<Clock>,
}

impl LoadTiming {
    /// Books `span` from `start_ms` to `end_ms`.
    pub fn add(&mut self, span: LoadSpan, start_ms: f64, end_ms: f64) {
        self.merge(LoadPart {
            span,
            start_ms,
            end_ms,
            busy_ms: end_ms - start_ms,
        });
    }

    /// What came after it: `later` counts from its own begin.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        let shift = self.total_ms();
        for part in &later.parts {
            self.merge(LoadPart {
                start_ms: part.start_ms + shift,
                end_ms: part.end_ms + shift,
                ..*part
            });
        }
        self.clock = self.clock.or(later.clock);
        self
    }

    /// From its begin to the end of its last part.
    pub fn total_ms(&self) -> f64 {
        self.parts
            .iter()
            .map(|part| part.end_ms)
            .fold(0.0, f64::max)
    }

    fn merge(&mut self, new: LoadPart) {
        match self.parts.iter_mut().find(|part| part.span == new.span) {
            Some(part) => {
                part.start_ms = part.start_ms.min(new.start_ms);
                part.end_ms = part.end_ms.max(new.end_ms);
                part.busy_ms += new.busy_ms;
            }
            None => self.parts.push(new),
        }
        self.parts.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock {
        source: ClockSource::Monotonic,
        resolution_ms: 0.0,
    };

    #[test]
    fn stages_add_up_and_the_residue_is_kept() {
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
        };
        assert_eq!(timing.stage(Stage::Forward), 6.0);
        assert_eq!(timing.residue_ms(), 1.0);
    }

    #[test]
    fn spans_survive_json_by_name() {
        let mut spans = Spans::default();
        spans.add(Span::Gpu, 1.5);
        let json = serde_json::to_string(&spans).expect("serialises");
        assert_eq!(json, r#"[["gpu",1.5]]"#);
        let back: Spans = serde_json::from_str(&json).expect("parses");
        assert_eq!(back, spans);
    }

    #[test]
    fn parts_of_a_load_take_turns_and_follow_each_other() {
        let mut load = LoadTiming::default();
        load.add(LoadSpan::Read, 0.0, 2.0);
        load.add(LoadSpan::Write, 2.0, 3.0);
        load.add(LoadSpan::Read, 3.0, 5.0);
        let mut before = LoadTiming::default();
        before.add(LoadSpan::Parse, 0.0, 10.0);
        let all = before.then(&load);
        let read = LoadPart {
            span: LoadSpan::Read,
            start_ms: 10.0,
            end_ms: 15.0,
            busy_ms: 4.0,
        };
        assert_eq!(all.parts[1], read);
        assert_eq!(all.parts[2].span, LoadSpan::Write);
        assert_eq!(all.total_ms(), 15.0);
    }

    #[test]
    fn every_span_is_listed_at_its_own_index() {
        for (index, span) in Span::ALL.into_iter().enumerate() {
            assert_eq!(span as usize, index, "{}", span.name());
        }
    }
}
