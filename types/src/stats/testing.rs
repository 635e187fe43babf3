//! Synthetic records for tests.

use super::Record;
use crate::clock::clock;
use crate::timing::{Spans, StepKind, StepTiming};

/// Creates the record of a request whose tokens came at these times, in milliseconds.
pub fn record(ends_ms: &[f64]) -> Record {
    let step = |(index, end_ms): (usize, &f64)| StepTiming {
        kind: if index == 0 {
            StepKind::Prefill
        } else {
            StepKind::Decode
        },
        tokens: 1,
        position: index as u32,
        start_ms: end_ms - 1.0,
        wall_ms: 1.0,
        spans: Spans::default(),
        clock: clock(),
        device: None,
        parts: None,
    };
    Record {
        steps: ends_ms.iter().enumerate().map(step).collect(),
        ids: vec![0; ends_ms.len()],
        ..Default::default()
    }
}
