//! Fixtures for tests.

use llamaglass_types::timing::{Clock, ClockSource, Span, StepKind, StepTiming};

use crate::experiments::ladder::{LadderData, LadderSettings, Layer};

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
    }
}

/// Evaluates `taken`, in milliseconds indexed as `[layer][length][repeat]`.
pub fn ladder(lengths: &[usize], layers: &[&str], taken: &[Vec<Vec<f64>>]) -> LadderData {
    let settings = LadderSettings {
        prompt: "p".into(),
        lengths: lengths.to_vec(),
        repeats: taken[0][0].len(),
    };
    let layer = |name: &&str| Layer {
        name: (*name).to_owned(),
        adds: String::new(),
    };
    LadderData::of(settings, layers.iter().map(layer).collect(), taken)
}
