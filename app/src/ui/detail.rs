//! Details of one step with its spans, or of one piece with its wait.

use leptos::prelude::*;
use llamaglass_types::timing::{DeviceTiming, Span, Stage};

use crate::format;
use crate::state::app;
use crate::stats::{AnswerStats, Bar, StepRecord};
use crate::timeline::{reference_event, title};

/// Contents of the panel.
#[derive(Clone, PartialEq)]
struct Shown {
    title: String,
    text: String,
    id: Option<u32>,
    wall_ms: f64,
    /// Event after which a piece's time is counted; empty for a step.
    since: &'static str,
    rows: Vec<Row>,
    device: Option<DeviceTiming>,
}

#[derive(Clone, PartialEq)]
struct Row {
    name: &'static str,
    part: &'static str,
    ms: f64,
    /// True for a part of the model, which lies within the span above it.
    nested: bool,
}

impl Shown {
    fn new(answer: &AnswerStats, bar: &Bar) -> Self {
        let text = bar.text().and_then(|text| answer.text.get(text));
        let shown = Self {
            title: title(bar),
            text: format::visible(text.unwrap_or_default()),
            id: None,
            wall_ms: bar.ms(),
            since: "",
            rows: Vec::new(),
            device: None,
        };
        match bar {
            Bar::Step(step) => Self {
                id: step.token.as_ref().map(|token| token.id),
                rows: rows(step),
                device: step.timing.device,
                ..shown
            },
            Bar::Piece(piece) => Self {
                since: reference_event(piece.index),
                ..shown
            },
        }
    }
}

/// Spans of the step under the pointer or the focus, otherwise of the last step.
#[component]
pub fn Detail() -> impl IntoView {
    let app = app();
    let shown = Memo::new(move |_| {
        app.summary.track();
        let tag = app.shown.get()?;
        let focused = app.focused.get();
        app.stats.with_value(|stats| {
            let answer = stats.get(tag)?;
            let bar = match focused {
                Some(index) => answer.bars.get(index)?,
                None => answer.bars.last()?,
            };
            Some(Shown::new(answer, bar))
        })
    });
    let request = move || {
        app.summary.track();
        let tag = app.shown.get()?;
        app.stats.with_value(|stats| {
            let spans = stats.get(tag)?.request?.spans;
            let parts: Vec<String> = spans
                .iter()
                .map(|(span, ms)| format!("{} {}", span.name(), format::millis(ms)))
                .collect();
            (!parts.is_empty()).then(|| format!("Before the first step: {}.", parts.join(", ")))
        })
    };
    let device = move || {
        let device = shown.with(|shown| shown.as_ref()?.device)?;
        Some(format!(
            "On the device: forward {}, sampling {}.",
            format::millis(device.forward_ms),
            format::millis(device.sampling_ms)
        ))
    };
    view! {
        <Show when=move || shown.with(Option::is_some)>
            <section class="detail" data-testid="detail" aria-label="Spans of a step">
                <h3>
                    {move || shown.with(|s| s.as_ref().map(|s| s.title.clone()))}
                    <Show when=move || shown.with(|s| s.as_ref().is_some_and(|s| !s.text.is_empty()))>
                        <code class="token-text">{move || shown.with(|s| s.as_ref().map(|s| s.text.clone()))}</code>
                    </Show>
                    <span class="detail-id">
                        {move || shown.with(|s| s.as_ref().and_then(|s| s.id).map(|id| format!("id {id}")))}
                    </span>
                    <span class="wall">
                        <span class="numbers">
                            {move || shown.with(|s| s.as_ref().map(|s| format::millis(s.wall_ms)))}
                        </span>
                        " "
                        {move || shown.with(|s| s.as_ref().map(|s| s.since))}
                    </span>
                </h3>
                <table>
                    <tbody>
                        {move || shown.get().map(|Shown { rows, wall_ms: wall, .. }| {
                            rows.into_iter().map(|row| view! { <SpanRow row wall/> }).collect_view()
                        })}
                    </tbody>
                </table>
                <p class="request-spans" data-testid="device-spans">{device}</p>
                <p class="request-spans">{request}</p>
            </section>
        </Show>
    }
}

/// Returns the step's spans that took any time, with the parts of the model below `compute`, and the unaccounted rest.
fn rows(step: &StepRecord) -> Vec<Row> {
    let timing = &step.timing;
    let mut rows = Vec::new();
    let mut push = |name, part, ms, nested| {
        rows.push(Row {
            name,
            part,
            ms,
            nested,
        });
    };
    for (span, ms) in timing.spans.iter() {
        if span.stage() == Stage::Request || span == Span::Paint {
            continue;
        }
        push(span.name(), span.stage().name(), ms, false);
        if let (Span::Compute, Some(parts)) = (span, timing.parts) {
            for (part, ms) in parts.iter() {
                push(part.label(), "forward", ms, true);
            }
            let rest_ms = timing.parts_residue_ms().unwrap_or_default();
            push("rest", "rest", rest_ms, true);
        }
    }
    push("unaccounted", "rest", timing.residue_ms(), false);
    rows
}

#[component]
fn SpanRow(row: Row, wall: f64) -> impl IntoView {
    let share = if wall > 0.0 { row.ms / wall } else { 0.0 };
    view! {
        <tr data-span=row.name class:nested=row.nested>
            <th scope="row">
                <span class="swatch" data-part=row.part aria-hidden="true"></span>
                {row.name}
            </th>
            <td class="share" aria-hidden="true">
                <span data-part=row.part style:width=format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0)></span>
            </td>
            <td class="numbers">{format::millis(row.ms)}</td>
            <td class="numbers percent">{format::percent(share)}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_types::clock::clock;
    use llamaglass_types::timing::{ModelPart, StepKind, StepTiming};

    use super::*;

    #[test]
    fn parts_of_the_model_follow_compute() {
        let timing = StepTiming {
            kind: StepKind::Decode,
            tokens: 1,
            position: 0,
            start_ms: 0.0,
            wall_ms: 8.0,
            spans: vec![(Span::Compute, 6.0), (Span::Sample, 1.0)].into(),
            clock: clock(),
            device: None,
            parts: Some(vec![(ModelPart::FeedForward, 4.0)].into()),
        };
        let rows = rows(&StepRecord {
            token: None,
            timing,
        });
        let rows: Vec<_> = rows.iter().map(|r| (r.name, r.ms, r.nested)).collect();
        let expected = [
            ("compute", 6.0, false),
            ("feed-forward", 4.0, true),
            ("rest", 2.0, true),
            ("sample", 1.0, false),
            ("unaccounted", 1.0, false),
        ];
        assert_eq!(rows, expected);
    }
}
