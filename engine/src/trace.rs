//! Reports through `tracing` what steps and requests are doing, in the vocabulary of [`Span`].
//!
//! Each interval is reported at its end with its length in `ms`, or `after_ms` milliseconds after its end;
//! subscribers read a clock of their own. Without a subscriber, a report costs a look at one static word.

use crate::event::Event;
use crate::timing::{DeviceTiming, PartTimes, Span};

/// Target of the spans of a step, on the thread that drives the engine; fields `span`, `ms`.
pub const LAP: &str = "llamaglass::lap";
/// Target of the time per part of the model within the span `compute`, on the thread that drives the engine; fields
/// `span`, `ms`, `after_ms`. They are sums over layers, reported as if the parts followed each other.
pub const PART: &str = "llamaglass::part";
/// Target of a step's device times, on the device's own clock; fields `span`, `ms`, `after_ms`. Reported when
/// the wait for the device ends.
pub const DEVICE: &str = "llamaglass::device";
/// Target of a request's spans; fields `request`, `span`, `ms`, for spans before the first step `after_ms`, and
/// for steps `tokens`.
pub const REQUEST: &str = "llamaglass::request";

/// Reports a span of a step.
pub(crate) fn lap(span: Span, ms: f64) {
    tracing::trace!(target: LAP, span = span.name(), ms);
}

/// Reports the time per part of the model.
pub(crate) fn parts(parts: &PartTimes) {
    let mut after_ms = parts.total();
    for (part, ms) in parts.iter() {
        after_ms -= ms;
        tracing::trace!(target: PART, span = part.name(), ms, after_ms);
    }
}

/// Reports a step's device times.
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

/// Reports an event of a request.
pub(crate) fn event(event: &Event) {
    let request = event.request().0;
    match event {
        Event::Started { timing, .. } => {
            // The spans follow each other without gaps.
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
