//! Requests as a trace that Perfetto and Chrome can open; no I/O.

use serde_json::{Value, json};

use crate::trace_writer::{Slice, TraceWriter, Track};

use llamaglass_types::stats::Record;
use llamaglass_types::timing::{PartTimes, Span, Spans, Stage};

/// Writes the records as a JSON array in the Trace Event Format: one row per request, times in microseconds since
/// the engine was created. The spans within a step are laid end to end in booking order; time that no span accounts
/// for stays blank. The parts of the model are laid end to end within `compute`: they are sums over layers.
pub fn trace_events(records: &[Record]) -> String {
    // Writing to memory never fails.
    let Ok(mut trace) = TraceWriter::new(Vec::new(), &[]) else {
        return String::new();
    };
    for (index, record) in records.iter().enumerate() {
        add(&mut trace, index as u64 + 1, record);
    }
    trace.finish();
    String::from_utf8_lossy(trace.get_ref()).into_owned()
}

fn add(trace: &mut TraceWriter<Vec<u8>>, row: u64, record: &Record) {
    let Some((first, last)) = record.steps.first().zip(record.steps.last()) else {
        return;
    };
    let track_name = format!("request {row}");
    let mut add = |name: &str, begin_ms: f64, ms: f64, args: Value| {
        trace.add(&Slice {
            track: Track { group: 1, row },
            track_name: &track_name,
            name,
            begin_ms,
            ms,
            args,
        });
    };
    // The per-request spans end where the first step begins.
    let before = record.request.map(|timing| timing.spans);
    let before_ms = before.map_or(0.0, |spans| spans.stage(Stage::Request));
    let begin_ms = first.start_ms - before_ms;
    let ms = last.start_ms + last.wall_ms - begin_ms;
    let args = json!({ "prompt_tokens": record.prompt_tokens, "tokens": record.ids.len() });
    add("request", begin_ms, ms, args);
    if let Some(spans) = before {
        add_spans(&spans, None, begin_ms, &mut add);
    }
    for step in &record.steps {
        let args = json!({ "tokens": step.tokens, "position": step.position });
        add(step.kind.name(), step.start_ms, step.wall_ms, args);
        add_spans(&step.spans, step.parts, step.start_ms, &mut add);
    }
}

/// Adds spans end to end from `start_ms`, in booking order, with the parts of the model within `compute`.
fn add_spans(
    spans: &Spans,
    parts: Option<PartTimes>,
    start_ms: f64,
    add: &mut impl FnMut(&str, f64, f64, Value),
) {
    let mut at = start_ms;
    for span in BOOKED {
        let ms = spans.get(span);
        if ms > 0.0 {
            add(span.name(), at, ms, Value::Null);
            if let (Span::Compute, Some(parts)) = (span, parts) {
                let mut at = at;
                for (part, ms) in parts.iter() {
                    add(part.name(), at, ms, json!({ "sum_over": "layers" }));
                    at += ms;
                }
            }
            at += ms;
        }
    }
}

/// Spans in the order in which a request and a step book them: readback comes before the host samples.
const BOOKED: [Span; Span::ALL.len()] = [
    Span::Template,
    Span::Tokenize,
    Span::Grammar,
    Span::Queue,
    Span::Schedule,
    Span::Plan,
    Span::Upload,
    Span::Compute,
    Span::Encode,
    Span::Submit,
    Span::Gpu,
    Span::Readback,
    Span::Sample,
    Span::Detokenize,
    Span::Emit,
    Span::Paint,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CLOCK, step};
    use llamaglass_types::timing::{ModelPart, RequestTiming, StepKind};

    /// Returns a slice's name, begin and duration.
    fn interval(event: &Value) -> (String, f64, f64) {
        let number = |field: &str| event[field].as_f64().expect("a number");
        let name = event["name"].as_str().expect("a name").to_owned();
        (name, number("ts"), number("dur"))
    }

    #[test]
    fn parts_are_laid_end_to_end_within_compute() {
        let spans = [(Span::Plan, 1.0), (Span::Compute, 4.0)];
        let mut step = step(StepKind::Decode, 10.0, 5.0, &spans);
        step.parts = Some(vec![(ModelPart::Norm, 0.5), (ModelPart::Head, 2.0)].into());
        let record = Record {
            steps: vec![step],
            ..Record::default()
        };
        let text = trace_events(&[record]);
        let events: Vec<Value> = serde_json::from_str(&text).expect("an array");
        let slices: Vec<_> = events.iter().rev().take(3).map(interval).collect();
        let wanted = [
            ("head", 11.5e3, 2e3),
            ("norm", 11e3, 500.0),
            ("compute", 11e3, 4e3),
        ];
        assert_eq!(
            slices,
            wanted.map(|(name, ts, dur)| (name.to_owned(), ts, dur))
        );
        let last = events.last().expect("the head");
        assert_eq!(last["args"]["sum_over"], "layers");
    }

    #[test]
    fn spans_are_laid_end_to_end_within_step_and_request() {
        let spans = [(Span::Sample, 1.0), (Span::Readback, 2.0), (Span::Gpu, 2.5)];
        let step = step(StepKind::Prefill, 10.0, 6.0, &spans);
        let record = Record {
            request: Some(RequestTiming {
                spans: vec![(Span::Tokenize, 0.5), (Span::Queue, 1.5)].into(),
                clock: CLOCK,
            }),
            steps: vec![step],
            ids: vec![7],
            ..Record::default()
        };
        let text = trace_events(&[Record::default(), record]);
        let events: Vec<Value> = serde_json::from_str(&text).expect("an array");
        let spans: Vec<_> = events
            .iter()
            .filter(|e| e["ph"] == "X")
            .map(interval)
            .collect();
        let wanted = [
            ("request", 8e3, 8e3),
            ("tokenize", 8e3, 500.0),
            ("queue", 8.5e3, 1.5e3),
            ("prefill", 10e3, 6e3),
            ("gpu", 10e3, 2.5e3),
            ("readback", 12.5e3, 2e3),
            ("sample", 14.5e3, 1e3),
        ];
        let wanted = wanted.map(|(name, ts, dur)| (name.to_owned(), ts, dur));
        assert_eq!(spans, wanted);
        // The second record's row is named; the record without steps has none.
        assert_eq!((events.len(), &events[0]["tid"]), (8, &json!(2)));
    }
}
