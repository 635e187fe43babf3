//! Booking a step's time.

use crate::platform::{Stopwatch, clock};
use crate::timing::{DeviceTiming, Span, Spans, StepKind, StepTiming};
use crate::trace;

/// Books laps: each [`Laps::book`] takes the time since the one before.
pub(super) struct Laps {
    watch: Stopwatch,
    start_ms: f64,
    booked: f64,
    spans: Spans,
    /// The step on the device's own clock.
    pub(super) device: Option<DeviceTiming>,
}

impl Laps {
    /// Starts; `start_ms` is since the engine was made.
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

    /// Milliseconds since they were started.
    pub(super) fn ms(&self) -> f64 {
        self.watch.ms()
    }

    /// When they were started, in milliseconds since the engine was made.
    pub(super) const fn start_ms(&self) -> f64 {
        self.start_ms
    }

    /// The step's timing, of no positions yet.
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
