//! Draws a step or a piece as a bar: its segments, its texts, and the scale of all bars; pure.

use llamaglass_types::stats::percentile;
use llamaglass_types::timing::{StepKind, StepTiming};

use crate::format::millis;
use crate::stats::{Bar, Segment, StepRecord};

/// Bars above this multiple of the 95th percentile do not raise the scale.
const OUTLIER_RATIO: f64 = 2.0;

/// Returns the step's segments as a CSS background, from the bottom up.
pub fn gradient(timing: &StepTiming) -> String {
    use std::fmt::Write;
    let durations = Segment::ALL.map(|segment| segment.ms(timing).max(0.0));
    let total: f64 = durations.iter().sum();
    let mut css = String::from("linear-gradient(to top");
    let mut from = 0.0;
    for (segment, ms) in Segment::ALL.into_iter().zip(durations) {
        if ms <= 0.0 || total <= 0.0 {
            continue;
        }
        let to = from + ms / total * 100.0;
        let _ = write!(css, ",var(--{}) {from:.2}% {to:.2}%", segment.name());
        from = to;
    }
    if from == 0.0 {
        css.push_str(",var(--rest) 0% 100%");
    }
    css.push(')');
    css
}

/// Returns the title of a bar.
pub fn title(bar: &Bar) -> String {
    match bar {
        Bar::Step(step) => step_title(step),
        Bar::Piece(piece) => format!("Piece {}", piece.index + 1),
    }
}

/// Describes the event after which a piece's time is counted.
pub const fn reference_event(index: usize) -> &'static str {
    match index {
        0 => "after submission",
        _ => "after the previous piece",
    }
}

fn step_title(step: &StepRecord) -> String {
    let timing = &step.timing;
    let tokens = plural(timing.tokens);
    match (&step.token, timing.kind) {
        (Some(token), StepKind::Decode) => format!("Token {}", token.index + 1),
        (Some(token), StepKind::Prefill) => {
            format!("Token {} with the prompt's last {tokens}", token.index + 1)
        }
        (None, _) => format!("Prompt, {tokens} from position {}", timing.position),
    }
}

fn plural(tokens: u32) -> String {
    match tokens {
        1 => "1 token".into(),
        n => format!("{n} tokens"),
    }
}

/// Describes a bar in one sentence, for people who can't see it.
pub fn label(bar: &Bar, text: &str) -> String {
    use std::fmt::Write;
    let mut label = format!("{}: {}", title(bar), millis(bar.ms()));
    if let Bar::Piece(piece) = bar {
        let _ = write!(label, " {}", reference_event(piece.index));
    }
    let text = text.trim();
    if !text.is_empty() {
        label = format!("{label}, “{text}”");
    }
    if let Bar::Step(step) = bar {
        for segment in Segment::ALL {
            let ms = millis(segment.ms(&step.timing));
            let _ = write!(label, ", {} {ms}", segment.label());
        }
    }
    label
}

/// Returns the milliseconds of the bars' full height: 1, 2 or 5 times a power of ten, so that it rarely changes.
/// It fits the tokens, or with `all` every step (prompts take far longer).
pub fn scale(bars: &[Bar], all: bool) -> f64 {
    let wanted = |bar: &&Bar| all || !bar.has_prompt();
    let mut shown: Vec<f64> = bars.iter().filter(wanted).map(Bar::ms).collect();
    if shown.is_empty() {
        shown = bars.iter().map(Bar::ms).collect();
    }
    let max = percentile(&shown, 100.0).unwrap_or(1.0);
    // A single outlier must not flatten all other bars.
    let usual = percentile(&shown, 95.0).unwrap_or(max) * OUTLIER_RATIO;
    round_up(if all { max } else { max.min(usual) })
}

fn round_up(ms: f64) -> f64 {
    if !(ms.is_finite() && ms > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(ms.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| ms <= step * 1.000_001)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{PieceRecord, TokenRecord};
    use llamaglass_types::timing::{Clock, ClockSource, DeviceTiming, Span, Spans};

    fn bar(kind: StepKind, wall_ms: f64, index: usize) -> Bar {
        Bar::Step(step(kind, wall_ms, index))
    }

    fn step(kind: StepKind, wall_ms: f64, index: usize) -> StepRecord {
        let mut spans = Spans::default();
        spans.add(Span::Plan, wall_ms * 0.25);
        spans.add(Span::Gpu, wall_ms * 0.5);
        StepRecord {
            token: Some(TokenRecord {
                index,
                id: 1,
                text: 0..0,
            }),
            timing: StepTiming {
                kind,
                tokens: 1,
                position: 0,
                start_ms: 0.0,
                wall_ms,
                spans,
                clock: Clock {
                    source: ClockSource::Monotonic,
                    resolution_ms: 0.0,
                },
                device: None,
                parts: None,
            },
        }
    }

    #[test]
    fn gradient_segments_are_fractions_of_wall_time() {
        let of = |wall_ms: f64| gradient(&step(StepKind::Decode, wall_ms, 0).timing);
        assert_eq!(of(0.0), "linear-gradient(to top,var(--rest) 0% 100%)");
        assert_eq!(
            of(8.0),
            "linear-gradient(to top,var(--preprocess) 0.00% 25.00%,var(--forward) 25.00% 75.00%,var(--rest) 75.00% 100.00%)"
        );
    }

    #[test]
    fn device_sampling_is_subtracted_from_forward() {
        let mut timing = step(StepKind::Decode, 8.0, 0).timing;
        timing.device = Some(DeviceTiming {
            forward_ms: 2.5,
            sampling_ms: 1.5,
            clock: timing.clock,
        });
        let parts = Segment::ALL.map(|segment| segment.ms(&timing));
        assert_eq!(parts, [2.0, 2.5, 1.5, 0.0, 2.0]);
        assert_eq!(parts.iter().sum::<f64>(), timing.wall_ms);
    }

    #[test]
    fn scale_fits_tokens_without_the_prompt_or_a_single_outlier() {
        let mut steps: Vec<_> = (0..100).map(|i| bar(StepKind::Decode, 40.0, i)).collect();
        steps.push(bar(StepKind::Prefill, 900.0, 0));
        assert_eq!(scale(&steps, false), 50.0);
        assert_eq!(scale(&steps, true), 1000.0);
        steps.push(bar(StepKind::Decode, 4000.0, 100));
        assert_eq!(scale(&steps, false), 100.0);
    }

    #[test]
    fn scale_is_a_round_number() {
        for (ms, expected) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (51.0, 100.0),
            (0.0, 1.0),
            (f64::NAN, 1.0),
        ] {
            let rounded = round_up(ms);
            assert!((rounded - expected).abs() < 1e-9, "{ms}: {rounded}");
        }
    }

    #[test]
    fn label_names_the_step_and_its_segments() {
        let label = label(&bar(StepKind::Decode, 8.0, 2), " Paris");
        assert_eq!(
            label,
            "Token 3: 8.0 ms, “Paris”, preprocess 2.0 ms, forward 4.0 ms, sampling 0.00 ms, text 0.00 ms, unaccounted 2.0 ms"
        );
    }

    #[test]
    fn piece_label_has_its_wait_and_no_stages() {
        let piece = |index| {
            Bar::Piece(PieceRecord {
                index,
                text: 0..0,
                wait_ms: 8.0,
            })
        };
        let first = label(&piece(0), " Paris is");
        assert_eq!(first, "Piece 1: 8.0 ms after submission, “Paris is”");
        let second = label(&piece(1), "");
        assert_eq!(second, "Piece 2: 8.0 ms after the previous piece");
    }
}
