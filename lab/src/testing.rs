//! Fixtures for tests.

use llamaglass_types::timing::{Clock, ClockSource, Span, StepKind, StepTiming};

pub const CLOCK: Clock = Clock {
    source: ClockSource::Monotonic,
    resolution_ms: 0.0,
};

/// Creates the timing of a step of one token.
pub fn step(kind: StepKind, start_ms: f64, wall_ms: f64, spans: &[(Span, f64)]) -> StepTiming {
    StepTiming {
        kind,
        tokens: 1,
        position: 0,
        start_ms,
        wall_ms,
        spans: spans.to_vec().into(),
        clock: CLOCK,
        device: None,
        parts: None,
    }
}
