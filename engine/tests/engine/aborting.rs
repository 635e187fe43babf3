//! An abort takes effect within one step and leaves the engine in a clean state.

use llamaglass_engine::event::FinishReason;
use pollster::block_on;

use super::support::{Answer, BACKENDS, answer, ends, engine, prompt, request};

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
fn abort_ends_a_request_during_prefill_and_decode() {
    abort_after(2);
    abort_after(8);
}

#[test]
fn abort_ends_a_queued_request() {
    let mut engine = engine(BACKENDS[0]);
    let running = engine.submit(request(prompt(4), 3));
    let waiting = engine.submit(request(prompt(4), 3));
    engine.abort(waiting);
    assert_eq!(
        ends(&mut engine),
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
    assert_eq!(ends(&mut engine).len(), 1);
    engine.abort(id);
    assert!(block_on(engine.step()).is_empty());
}
