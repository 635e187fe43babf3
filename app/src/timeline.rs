//! Draws a step or a piece as a bar: its segments, its texts, and the scale of all bars; pure.

use llamaglass_types::stats::percentile;
use llamaglass_types::timing::{Stage, StepKind, StepTiming};

use crate::format::millis;
use crate::stats::{Bar, StepRecord};

/// Parts of a bar, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A stage of the engine.
    Stage(Stage),
    /// Wall time that no stage accounts for.
    Rest,
}

impl Part {
    /// All parts in order.
    pub const ALL: [Self; 5] = [
        Self::Stage(Stage::Preprocess),
        Self::Stage(Stage::Forward),
        Self::Stage(Stage::Sampling),
        Self::Stage(Stage::Text),
        Self::Rest,
    ];

    /// Returns the part's name in legends, styles and test hooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.name(),
            Self::Rest => "rest",
        }
    }

    /// Returns the part's name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rest => "unaccounted",
            part => part.name(),
        }
    }

    /// Returns one line of help.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Stage(Stage::Preprocess) => {
                "Deciding what to compute and writing ids and positions to the device"
            }
            Self::Stage(Stage::Forward) => {
                "The model: issuing its operations and waiting for the device"
            }
            Self::Stage(Stage::Sampling) => {
                "Sampling the token, on the device where it does that, and copying it to the host"
            }
            Self::Stage(Stage::Text) => "Id to text, and building the event",
            Self::Stage(Stage::Request) => "Once-a-request work",
            Self::Rest => "Wall time that no stage accounts for",
        }
    }

    /// Returns the part's milliseconds in a step. If the device samples and times itself, the engine books that
    /// time as forward, because the host waits for it there; here it counts as sampling.
    pub fn of(self, timing: &StepTiming) -> f64 {
        let on_device = timing.device.map_or(0.0, |device| {
            device.sampling_ms.min(timing.stage(Stage::Forward))
        });
        match self {
            Self::Stage(Stage::Forward) => timing.stage(Stage::Forward) - on_device,
            Self::Stage(Stage::Sampling) => timing.stage(Stage::Sampling) + on_device,
            Self::Stage(stage) => timing.stage(stage),
            Self::Rest => timing.residue_ms(),
        }
    }
}

/// Returns the step's parts as a CSS background, from the bottom up.
pub fn gradient(timing: &StepTiming) -> String {
    use std::fmt::Write;
    let parts = Part::ALL.map(|part| part.of(timing).max(0.0));
    let total: f64 = parts.iter().sum();
    let mut css = String::from("linear-gradient(to top");
    let mut from = 0.0;
    for (part, ms) in Part::ALL.into_iter().zip(parts) {
        if ms <= 0.0 || total <= 0.0 {
            continue;
        }
        let to = from + ms / total * 100.0;
        let _ = write!(css, ",var(--{}) {from:.2}% {to:.2}%", part.name());
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

/// Describes the event from which a piece's time is counted.
pub const fn since(index: usize) -> &'static str {
    match index {
        0 => "after submitting",
        _ => "after the piece before",
    }
}

fn step_title(step: &StepRecord) -> String {
    let timing = &step.timing;
    match (&step.token, timing.kind) {
        (Some(token), StepKind::Decode) => format!("Token {}", token.index + 1),
        (Some(token), StepKind::Prefill) => format!(
            "Token {} with the prompt's last {}",
            token.index + 1,
            plural(timing.tokens)
        ),
        (None, _) => format!(
            "Prompt, {} from position {}",
            plural(timing.tokens),
            timing.position
        ),
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
        let _ = write!(label, " {}", since(piece.index));
    }
    let text = text.trim();
    if !text.is_empty() {
        label = format!("{label}, “{text}”");
    }
    if let Bar::Step(step) = bar {
        for part in Part::ALL {
            let _ = write!(
                label,
                ", {} {}",
                part.label(),
                millis(part.of(&step.timing))
            );
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
    // One outlier must not flatten all others.
    let usual = percentile(&shown, 95.0).unwrap_or(max) * 2.0;
    nice(if all { max } else { max.min(usual) })
}

fn nice(ms: f64) -> f64 {
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
            },
        }
    }

    #[test]
    fn gradient_segments_are_fractions_of_wall_time() {
        assert_eq!(
            gradient(&step(StepKind::Decode, 8.0, 0).timing),
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
        let parts = Part::ALL.map(|part| part.of(&timing));
        assert_eq!(parts, [2.0, 2.5, 1.5, 0.0, 2.0]);
        assert_eq!(parts.iter().sum::<f64>(), timing.wall_ms);
    }

    #[test]
    fn step_without_time_is_still_drawn() {
        assert_eq!(
            gradient(&step(StepKind::Decode, 0.0, 0).timing),
            "linear-gradient(to top,var(--rest) 0% 100%)"
        );
    }

    #[test]
    fn scale_fits_tokens_without_the_prompt() {
        let mut steps: Vec<_> = (0..100).map(|i| bar(StepKind::Decode, 40.0, i)).collect();
        steps.push(bar(StepKind::Prefill, 900.0, 0));
        assert_eq!(scale(&steps, false), 50.0);
        assert_eq!(scale(&steps, true), 1000.0);
    }

    #[test]
    fn scale_ignores_a_single_outlier() {
        let mut steps: Vec<_> = (0..100).map(|i| bar(StepKind::Decode, 40.0, i)).collect();
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
            assert!((nice(ms) - expected).abs() < 1e-9, "{ms}: {}", nice(ms));
        }
    }

    #[test]
    fn label_describes_a_step_and_its_parts() {
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
        assert_eq!(
            label(&piece(0), " Paris is"),
            "Piece 1: 8.0 ms after submitting, “Paris is”"
        );
        assert_eq!(
            label(&piece(1), ""),
            "Piece 2: 8.0 ms after the piece before"
        );
    }
}
