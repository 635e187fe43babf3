//! Books a step's time by span.

use crate::platform::{Stopwatch, clock};
use crate::timing::{DeviceTiming, PartTimes, Span, Spans, StepKind, StepTiming};
use crate::trace;

/// Times the spans of a step: each [`StageTimer::book`] takes the time since the previous one.
#[derive(Debug)]
pub struct StageTimer {
    watch: Stopwatch,
    start_ms: f64,
    booked: f64,
    spans: Spans,
    device: Option<DeviceTiming>,
    parts: Option<PartTimes>,
}

impl StageTimer {
    /// Starts the timer; `start_ms` is the time since the engine was created.
    pub fn start(start_ms: f64) -> Self {
        Self {
            watch: Stopwatch::start(),
            start_ms,
            booked: 0.0,
            spans: Spans::default(),
            device: None,
            parts: None,
        }
    }

    /// Books the time since the previous call as `span`.
    pub fn book(&mut self, span: Span) {
        let now = self.watch.ms();
        self.spans.add(span, now - self.booked);
        trace::lap(span, now - self.booked);
        self.booked = now;
    }

    /// Records the step's timing on the device's own clock.
    pub fn set_device(&mut self, timing: Option<DeviceTiming>) {
        timing.as_ref().inspect(|timing| trace::device(timing));
        self.device = timing;
    }

    /// Returns the step's timing on the device's own clock.
    pub const fn device(&self) -> Option<DeviceTiming> {
        self.device
    }

    /// Records how long each part of the model took within [`Span::Compute`]. To be called right after that span was
    /// booked, because traces show the parts before the time of this call.
    pub fn set_parts(&mut self, parts: Option<PartTimes>) {
        parts.as_ref().inspect(|parts| trace::parts(parts));
        self.parts = parts;
    }

    /// Adds the parts of an earlier computation in the same step, which was already traced.
    pub fn merge_parts(&mut self, earlier: &PartTimes) {
        if let Some(parts) = &mut self.parts {
            parts.merge(earlier);
        }
    }

    /// Returns how long each part of the model took, as recorded last.
    pub const fn parts(&self) -> Option<PartTimes> {
        self.parts
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> f64 {
        self.watch.ms()
    }

    /// Returns the start, in milliseconds since the engine was created.
    pub const fn start_ms(&self) -> f64 {
        self.start_ms
    }

    /// Returns the spans booked so far.
    pub const fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Returns the step's timing; the caller sets its positions.
    pub(crate) fn end(self, kind: StepKind) -> StepTiming {
        StepTiming {
            kind,
            tokens: 0,
            position: 0,
            start_ms: self.start_ms,
            wall_ms: self.watch.ms(),
            spans: self.spans,
            clock: clock(),
            device: self.device,
            parts: self.parts,
        }
    }
}
