#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::*;
use crate::event::{RequestId, Usage};
use crate::timing::{ClockSource, Spans};

const CLOCK: Clock = Clock {
    source: ClockSource::Monotonic,
    resolution_ms: 0.001,
};
const REQUEST: RequestId = RequestId(7);

fn step(kind: StepKind, tokens: u32, start_ms: f64, wall_ms: f64) -> StepTiming {
    let mut spans = Spans::default();
    spans.add(Span::Encode, wall_ms / 2.0);
    spans.add(Span::Gpu, wall_ms / 4.0);
    StepTiming {
        kind,
        tokens,
        position: 0,
        start_ms,
        wall_ms,
        spans,
        clock: CLOCK,
        device: None,
        parts: None,
    }
}

fn token(id: u32, timing: StepTiming) -> Event {
    Event::Token {
        request: REQUEST,
        id,
        text: format!("<{id}>"),
        logprobs: None,
        timing,
    }
}

/// Two prefill chunks (100 ms to 160 ms), then two decode steps of 10 ms with gaps of 1 ms.
fn record() -> Record {
    let mut spans = Spans::default();
    spans.add(Span::Template, 2.0);
    spans.add(Span::Tokenize, 3.0);
    let events = [
        Event::Queued { request: REQUEST },
        Event::Started {
            request: REQUEST,
            prompt_tokens: 40,
            reused_tokens: 10,
            timing: RequestTiming {
                spans,
                clock: CLOCK,
            },
        },
        Event::Prefill {
            request: REQUEST,
            done_tokens: 30,
            prompt_tokens: 40,
            timing: step(StepKind::Prefill, 20, 100.0, 40.0),
        },
        token(1, step(StepKind::Prefill, 10, 142.0, 18.0)),
        token(2, step(StepKind::Decode, 1, 161.0, 10.0)),
        token(3, step(StepKind::Decode, 1, 172.0, 10.0)),
        Event::Done {
            request: REQUEST,
            text: "!".into(),
            usage: Usage::default(),
            finish_reason: FinishReason::Stop,
        },
    ];
    let mut record = Record::default();
    for event in &events {
        record.push(event);
    }
    record
}

#[test]
fn percentile_interpolates_like_numpy() {
    let values = [4.0, 1.0, 3.0, 2.0];
    assert_eq!(percentile(&values, 0.0), Some(1.0));
    assert_eq!(percentile(&values, 50.0), Some(2.5));
    assert_eq!(percentile(&values, 95.0), Some(3.8499999999999996));
    assert_eq!(percentile(&values, 100.0), Some(4.0));
    assert_eq!(percentile(&[f64::NAN], 50.0), None);
    assert_eq!(percentile(&[], 50.0), None);
}

#[test]
fn summary_is_computed_from_events() {
    let summary = record().summary();
    assert_eq!(summary.ttft_ms, Some(65.0));
    assert_eq!(summary.tpot_ms.unwrap().p50, 11.0);
    assert_eq!(summary.prefill_tok_s, Some(500.0));
    assert_eq!(summary.decode_tok_s, Some(2.0 / 22.0 * 1e3));
    assert_eq!(summary.completion_tokens, 3);
    assert_eq!(record().text, "<1><2><3>!");
}

#[test]
fn step_stats_include_residue_and_omit_absent_spans() {
    let decode = record().summary().decode;
    assert_eq!(decode.steps, 2);
    let stages: Vec<_> = decode
        .stages
        .iter()
        .map(|s| (s.name.as_str(), s.ms.p50))
        .collect();
    assert_eq!(
        stages,
        [
            ("preprocess", 0.0),
            ("forward", 7.5),
            ("sampling", 0.0),
            ("text", 0.0),
            ("rest", 2.5)
        ]
    );
    let spans: Vec<_> = decode.spans.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(spans, ["encode", "gpu"]);
}

#[test]
fn step_stats_include_parts_of_steps_that_measured_them() {
    let mut record = record();
    assert!(record.summary().decode.parts.is_empty());
    for (step, ms) in record.steps.iter_mut().rev().zip([3.0, 1.0]) {
        step.spans.add(Span::Compute, 8.0);
        let parts = vec![
            (ModelPart::Attention, ms),
            (ModelPart::FeedForward, 2.0 * ms),
        ];
        step.parts = Some(parts.into());
    }
    let decode = record.summary().decode;
    let parts = decode.parts.iter().map(|s| (s.label(), s.ms.p50));
    let expected = [
        ("embedding", 0.0),
        ("norm", 0.0),
        ("attention", 2.0),
        ("feed-forward", 4.0),
        ("head", 0.0),
        ("rest", 2.0),
    ];
    let expected = expected.map(|(name, ms)| (name.to_owned(), ms));
    assert_eq!(parts.collect::<Vec<_>>(), expected);
    assert_eq!(decode.parts[3].name, "feed_forward");
    assert!(record.summary().prefill.parts.is_empty());
}

#[test]
fn summary_of_unanswered_request_is_empty() {
    let summary = Record::default().summary();
    assert_eq!(summary.ttft_ms, None);
    assert_eq!(summary.tpot_ms, None);
    assert_eq!(summary.prefill_tok_s, None);
    assert_eq!(summary.decode_tok_s, None);
}

proptest! {
    #[test]
    fn percentiles_are_ordered_and_within_range(
        values in proptest::collection::vec(-1e6..1e6f64, 1..50),
        p in 0.0..100.0f64,
        q in 0.0..100.0f64,
    ) {
        let range = Range::of(&values).unwrap();
        let (low, high) = (p.min(q), p.max(q));
        let (low, high) = (percentile(&values, low).unwrap(), percentile(&values, high).unwrap());
        prop_assert!(range.min <= low && low <= high + 1e-6 && high <= range.max + 1e-6);
    }
}
