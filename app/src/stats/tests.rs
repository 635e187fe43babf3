use super::*;
use crate::protocol::{OpaqueEvent, ReportedUsage};
use llamaglass_types::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_types::timing::{
    Clock, ClockSource, RequestTiming, Span, Spans, StepKind, StepTiming,
};

const REQUEST: RequestId = RequestId(3);
const CLOCK: Clock = Clock {
    source: ClockSource::PerformanceNow,
    resolution_ms: 0.1,
};

fn timing(kind: StepKind, tokens: u32, forward: f64, wall: f64) -> StepTiming {
    let mut spans = Spans::default();
    spans.add(Span::Gpu, forward);
    StepTiming {
        kind,
        tokens,
        position: 0,
        start_ms: 0.0,
        wall_ms: wall,
        spans,
        clock: CLOCK,
        device: None,
        parts: None,
    }
}

fn token(id: u32, text: &str, kind: StepKind, tokens: u32) -> ReceivedEvent {
    ReceivedEvent::Event(Box::new(Event::Token {
        request: REQUEST,
        id,
        text: text.into(),
        logprobs: None,
        timing: timing(kind, tokens, 40.0, 50.0),
    }))
}

fn answer() -> AnswerStats {
    answer_of(false)
}

fn answer_of(at_server: bool) -> AnswerStats {
    let mut answer = AnswerStats::submitted(1000.0, at_server);
    let started = Event::Started {
        request: REQUEST,
        prompt_tokens: 30,
        reused_tokens: 10,
        timing: RequestTiming {
            spans: Spans::default(),
            clock: CLOCK,
        },
    };
    answer.apply(&ReceivedEvent::Event(Box::new(started)), 1001.0);
    let chunk = Event::Prefill {
        request: REQUEST,
        done_tokens: 26,
        prompt_tokens: 30,
        timing: timing(StepKind::Prefill, 16, 90.0, 100.0),
    };
    answer.apply(&ReceivedEvent::Event(Box::new(chunk)), 1100.0);
    answer.apply(&token(7, "Par", StepKind::Prefill, 4), 1150.0);
    answer.apply(&token(8, "", StepKind::Decode, 1), 1200.0);
    answer.apply(&token(9, "is!", StepKind::Decode, 1), 1300.0);
    answer
}

#[test]
fn token_latencies_use_the_page_clock() {
    let summary = answer().summary();
    assert_eq!(summary.ttft_ms, Some(150.0));
    assert_eq!(summary.tpot_p50_ms, Some(75.0));
    assert_eq!(summary.tokens_per_s, Some(2.0 * 1000.0 / 150.0));
}

#[test]
fn step_figures_use_the_engine_clock_without_prefill() {
    let summary = answer().summary();
    assert_eq!(summary.step_p50_ms, Some(50.0));
    assert_eq!(
        summary.segment_mean_ms,
        [Some(0.0), Some(40.0), Some(0.0), Some(0.0), Some(10.0)]
    );
    assert_eq!(summary.clock, Some(CLOCK));
}

#[test]
fn prefill_rate_counts_only_computed_tokens() {
    assert_eq!(
        answer().summary().prefill_per_s,
        Some(20.0 * 1000.0 / 150.0)
    );
}

#[test]
fn tokens_keep_their_text_ranges() {
    let answer = answer();
    let ranges: Vec<_> = answer.bars.iter().filter_map(Bar::text).collect();
    assert_eq!(ranges[0], 0..3);
    assert_eq!(ranges[1], 3..3);
    assert_eq!(&answer.text[ranges[2].clone()], "is!");
    assert_eq!(answer.ids().collect::<Vec<_>>(), [7, 8, 9]);
}

#[test]
fn text_in_done_event_is_kept() {
    let mut answer = answer();
    let usage = Usage {
        prompt_tokens: 30,
        reused_tokens: 10,
        completion_tokens: 3,
    };
    let done = Event::Done {
        request: REQUEST,
        text: " end".into(),
        usage,
        finish_reason: FinishReason::Length,
    };
    answer.apply(&ReceivedEvent::Event(Box::new(done)), 1400.0);
    assert_eq!(answer.text, "Paris! end");
    assert_eq!(answer.outcome, Outcome::Finished(FinishReason::Length));
    assert_eq!(answer.summary().prompt_tokens, Some(30));
}

#[test]
fn summary_is_empty_after_submission() {
    let summary = AnswerStats::submitted(0.0, false).summary();
    assert_eq!(summary, Summary::default());
}

#[test]
fn paint_time_is_the_mean_over_drawn_tokens() {
    let mut answer = answer();
    answer.add_paint(2, 3.0);
    answer.add_paint(1, 0.0);
    assert_eq!(answer.summary().paint_ms, Some(1.0));
}

#[test]
fn events_of_removed_requests_are_dropped() {
    let mut session = SessionStats::default();
    session.submit(1, 0.0, false);
    session.remove(1);
    session.apply(1, &token(1, "x", StepKind::Decode, 1), 1.0);
    assert!(session.get(1).is_none());
}

#[test]
fn server_figures_accompany_page_figures() {
    assert_eq!(answer().summary().server_figures, None);
    let summary = answer_of(true).summary();
    assert_eq!(summary.ttft_ms, Some(150.0));
    // All steps begin at 0 on the server's clock, and the first token's step takes 50 ms.
    let own = summary.server_figures.expect("steps are reported");
    assert_eq!(own.ttft_ms, 50.0);
    assert_eq!(own.tpot_p50_ms, Some(0.0));
}

fn pieces() -> AnswerStats {
    let mut answer = AnswerStats::submitted(1000.0, true);
    for (text, at) in [("Paris is", 1100.0), (" it", 1100.0), (".", 1140.0)] {
        let text = text.to_owned();
        answer.apply(&ReceivedEvent::Opaque(OpaqueEvent::Text { text }), at);
    }
    answer
}

#[test]
fn only_arrivals_are_known_without_server_timings() {
    let answer = pieces();
    let waits: Vec<f64> = answer.bars.iter().map(Bar::ms).collect();
    assert_eq!(waits, [100.0, 0.0, 40.0]);
    assert_eq!(answer.bars[1].text(), Some(8..11));
    assert!(answer.bars[0].has_prompt() && !answer.bars[1].has_prompt());
    let summary = Summary {
        pieces: Some(3),
        at_server: true,
        ttft_ms: Some(100.0),
        tpot_p50_ms: Some(20.0),
        tpot_p95_ms: Some(38.0),
        ..Summary::default()
    };
    assert_eq!(answer.summary(), summary);
}

#[test]
fn piece_tokens_are_counted_only_by_the_server() {
    let finish_reason = FinishReason::Stop;
    let usage = ReportedUsage {
        prompt_tokens: 9,
        reused_tokens: None,
        completion_tokens: 7,
    };
    let done = |usage| {
        let mut answer = pieces();
        let event = OpaqueEvent::Done {
            finish_reason,
            usage,
        };
        answer.apply(&ReceivedEvent::Opaque(event), 1200.0);
        assert_eq!(answer.outcome, Outcome::Finished(finish_reason));
        answer.summary()
    };
    let counted = done(Some(usage));
    assert_eq!((counted.tokens, counted.prompt_tokens), (Some(7), Some(9)));
    assert_eq!(counted.reused_tokens, None);
    assert_eq!(counted.tokens_per_s, Some(7.0 * 1000.0 / 140.0));
    let uncounted = done(None);
    assert_eq!((uncounted.tokens, uncounted.tokens_per_s), (None, None));
}
