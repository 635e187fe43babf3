//! An abort takes effect within one step and leaves the engine in a clean state.

use llamaglass_engine::event::{Event, FinishReason};
use pollster::block_on;

use super::support::{Answer, BACKENDS, answer, engine, prompt, request};

/// Aborts after `steps` steps, then checks that a new request gets the same answer as with an empty cache.
fn abort_after(steps: usize) {
    for backend in BACKENDS {
        let mut engine = engine(backend);
        let id = engine.submit(request(prompt(20), 30));
        let mut partial = Answer::default();
        for _ in 0..steps {
            assert!(!partial.take(id, block_on(engine.step())));
        }
        engine.abort(id);
        assert!(
            partial.take(id, block_on(engine.step())),
            "one step is enough"
        );
        assert_eq!(partial.finish_reason, Some(FinishReason::Abort));
        assert!(engine.is_idle());

        let again = answer(&mut engine, request(prompt(20), 5));
        engine.clear_cache();
        let fresh = answer(&mut engine, request(prompt(20), 5));
        assert_eq!(again.ids, fresh.ids, "{backend:?}");
        assert!(again.usage.reused_tokens > 0);
    }
}

#[test]
fn abort_ends_a_request_during_prefill() {
    abort_after(2);
}

#[test]
fn abort_ends_a_request_during_decode() {
    abort_after(8);
}

#[test]
fn abort_ends_a_queued_request() {
    let mut engine = engine(BACKENDS[0]);
    let running = engine.submit(request(prompt(4), 3));
    let waiting = engine.submit(request(prompt(4), 3));
    engine.abort(waiting);
    let mut ends = Vec::new();
    while !engine.is_idle() {
        for event in block_on(engine.step()) {
            if let Event::Done {
                request,
                finish_reason,
                ..
            } = event
            {
                ends.push((request, finish_reason));
            }
        }
    }
    assert_eq!(
        ends,
        [
            (waiting, FinishReason::Abort),
            (running, FinishReason::Length)
        ]
    );
}

#[test]
fn abort_of_an_unknown_request_is_ignored() {
    let mut engine = engine(BACKENDS[0]);
    let id = engine.submit(request(prompt(4), 1));
    answer_rest(&mut engine, id);
    engine.abort(id);
    assert!(block_on(engine.step()).is_empty());
}

fn answer_rest(engine: &mut llamaglass_engine::Engine, id: llamaglass_engine::event::RequestId) {
    let mut rest = Answer::default();
    while !rest.take(id, block_on(engine.step())) {}
}
