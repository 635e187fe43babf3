//! Books a step's time by span.

use crate::platform::{Stopwatch, clock};
use crate::timing::{DeviceTiming, Span, Spans, StepKind, StepTiming};
use crate::trace;

/// Times the spans of a step: each [`Laps::book`] takes the time since the last one.
pub(super) struct Laps {
    watch: Stopwatch,
    start_ms: f64,
    booked: f64,
    spans: Spans,
    /// The step's timing on the device's own clock.
    pub(super) device: Option<DeviceTiming>,
}

impl Laps {
    /// Starts the timer; `start_ms` is the time since the engine was created.
    pub(super) fn start(start_ms: f64) -> Self {
        Self {
            watch: Stopwatch::start(),
            start_ms,
            booked: 0.0,
            spans: Spans::default(),
            device: None,
        }
    }

    pub(super) fn book(&mut self, span: Span) {
        let now = self.watch.ms();
        self.spans.add(span, now - self.booked);
        trace::lap(span, now - self.booked);
        self.booked = now;
    }

    /// Milliseconds since the start.
    pub(super) fn ms(&self) -> f64 {
        self.watch.ms()
    }

    /// Returns the start in milliseconds since the engine was created.
    pub(super) const fn start_ms(&self) -> f64 {
        self.start_ms
    }

    /// Returns the step's timing; the caller sets its positions.
    pub(super) fn end(self, kind: StepKind) -> StepTiming {
        StepTiming {
            kind,
            tokens: 0,
            position: 0,
            start_ms: self.start_ms,
            wall_ms: self.watch.ms(),
            spans: self.spans,
            clock: clock(),
            device: self.device,
        }
    }
}
