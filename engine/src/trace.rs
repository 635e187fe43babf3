//! What a trace hears, through `tracing`: where steps and requests are at, in [`Span`]'s vocabulary.
//!
//! Each is told at its end, with its length, or so many `after_ms` after it; whoever listens reads a clock of its own. While nobody
//! does, telling costs a look at one static word.

use crate::event::Event;
use crate::timing::{DeviceTiming, Span};

/// Target of a step's laps, on the thread that drives the engine: `span`, `ms`.
pub const LAP: &str = "llamaglass::lap";
/// Target of what a step took on the device, on its own clock: `span`, `ms`, `after_ms`; told where the
/// wait for it ended.
pub const DEVICE: &str = "llamaglass::device";
/// Target of what a request went through: `request`, `span`, `ms`, `after_ms`, and for steps `tokens`.
pub const REQUEST: &str = "llamaglass::request";

/// A lap of a step.
pub(crate) fn lap(span: Span, ms: f64) {
    tracing::trace!(target: LAP, span = span.name(), ms);
}

/// What a step took on the device.
pub(crate) fn device(timing: &DeviceTiming) {
    let DeviceTiming {
        forward_ms,
        sampling_ms,
        ..
    } = *timing;
    tracing::trace!(target: DEVICE, span = "forward", ms = forward_ms, after_ms = sampling_ms);
    if sampling_ms > 0.0 {
        tracing::trace!(target: DEVICE, span = "sampling", ms = sampling_ms, after_ms = 0.0);
    }
}

/// What happened to a request.
pub(crate) fn event(event: &Event) {
    let request = event.request().0;
    match event {
        Event::Started { timing, .. } => {
            // They followed each other.
            let mut after_ms: f64 = timing.spans.iter().map(|(_, ms)| ms).sum();
            for (span, ms) in timing.spans.iter() {
                after_ms -= ms;
                tracing::trace!(target: REQUEST, request, span = span.name(), ms, after_ms);
            }
        }
        Event::Prefill { timing, .. } | Event::Token { timing, .. } => {
            let (span, ms, tokens) = (timing.kind.name(), timing.wall_ms, timing.tokens);
            tracing::trace!(target: REQUEST, request, span, ms, tokens);
        }
        Event::Preempted { .. } => {
            tracing::trace!(target: REQUEST, request, span = "preempted", ms = 0.0);
        }
        Event::Done { finish_reason, .. } => {
            let span = finish_reason.name();
            tracing::trace!(target: REQUEST, request, span, ms = 0.0);
        }
        Event::Failed { .. } => {
            tracing::trace!(target: REQUEST, request, span = "failed", ms = 0.0);
        }
        Event::Queued { .. } => {}
    }
}
