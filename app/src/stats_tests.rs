use super::*;
use llamaglass_engine::event::RequestId;
use llamaglass_engine::timing::{ClockSource, Span, Spans};

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
    }
}

fn token(id: u32, text: &str, kind: StepKind, tokens: u32) -> Event {
    Event::Token {
        request: REQUEST,
        id,
        text: text.into(),
        logprobs: None,
        timing: timing(kind, tokens, 40.0, 50.0),
    }
}

fn answer() -> AnswerStats {
    let mut answer = AnswerStats::submitted(1000.0);
    let started = Event::Started {
        request: REQUEST,
        prompt_tokens: 30,
        reused_tokens: 10,
        timing: RequestTiming {
            spans: Spans::default(),
            clock: CLOCK,
        },
    };
    answer.apply(&started, 1001.0);
    let chunk = Event::Prefill {
        request: REQUEST,
        done_tokens: 26,
        prompt_tokens: 30,
        timing: timing(StepKind::Prefill, 16, 90.0, 100.0),
    };
    answer.apply(&chunk, 1100.0);
    answer.apply(&token(7, "Par", StepKind::Prefill, 4), 1150.0);
    answer.apply(&token(8, "", StepKind::Decode, 1), 1200.0);
    answer.apply(&token(9, "is!", StepKind::Decode, 1), 1300.0);
    answer
}

#[test]
fn times_to_and_between_tokens_are_the_pages() {
    let summary = answer().summary();
    assert_eq!(summary.ttft_ms, Some(150.0));
    assert_eq!(summary.tpot_p50_ms, Some(75.0));
    assert_eq!(summary.tokens_per_s, Some(2.0 * 1000.0 / 150.0));
}

#[test]
fn step_figures_are_the_engines_and_leave_prefill_out() {
    let summary = answer().summary();
    assert_eq!(summary.step_p50_ms, Some(50.0));
    assert_eq!(
        summary.stage_mean_ms,
        [Some(0.0), Some(40.0), Some(0.0), Some(0.0)]
    );
    assert_eq!(summary.rest_mean_ms, Some(10.0));
    assert_eq!(summary.clock, Some(CLOCK));
}

#[test]
fn prefill_rate_counts_computed_tokens_only() {
    assert_eq!(
        answer().summary().prefill_per_s,
        Some(20.0 * 1000.0 / 150.0)
    );
}

#[test]
fn tokens_know_their_place_in_the_text() {
    let answer = answer();
    let places: Vec<_> = answer
        .steps
        .iter()
        .filter_map(|s| s.token.clone())
        .collect();
    assert_eq!(places[0].text, 0..3);
    assert_eq!(places[1].text, 3..3);
    assert_eq!(&answer.text[places[2].text.clone()], "is!");
    assert_eq!(answer.ids().collect::<Vec<_>>(), [7, 8, 9]);
}

#[test]
fn the_text_that_comes_with_the_end_is_kept() {
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
    answer.apply(&done, 1400.0);
    assert_eq!(answer.text, "Paris! end");
    assert_eq!(
        answer.outcome,
        Outcome::Finished {
            reason: FinishReason::Length,
            usage
        }
    );
}

#[test]
fn nothing_is_known_before_it_happens() {
    let summary = AnswerStats::submitted(0.0).summary();
    assert_eq!(summary, Summary::default());
}

#[test]
fn paint_is_the_mean_over_the_tokens_drawn() {
    let mut answer = answer();
    answer.painted(2, 3.0);
    answer.painted(1, 0.0);
    assert_eq!(answer.summary().paint_ms, Some(1.0));
}

#[test]
fn events_of_a_forgotten_request_are_dropped() {
    let mut session = SessionStats::default();
    session.submit(1, 0.0);
    session.forget(1);
    session.apply(1, &token(1, "x", StepKind::Decode, 1), 1.0);
    assert!(session.get(1).is_none());
}
