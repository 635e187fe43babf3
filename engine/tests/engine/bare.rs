//! Bare model calls sample the same ids as a request.

use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions};
use pollster::block_on;

use super::support::{PATHS, answer, engine_with, odd_config, on, prompt, request};

fn engine(backend: BackendChoice, path: ForwardPath, depth: usize) -> Engine {
    let options = LoadOptions {
        path: Some(path),
        prefill_chunk: Some(4),
        readback_depth: Some(depth),
        ..on(backend)
    };
    engine_with(&odd_config(), &options)
}

#[test]
fn bare_run_samples_a_requests_ids_and_clears_the_cache() {
    for (backend, path) in PATHS {
        for depth in [1, 3] {
            let mut engine = engine(backend, path, depth);
            for (ids, tokens) in [(prompt(9), 20), (prompt(1), 1), (prompt(8), 2)] {
                let wanted = answer(&mut engine, request(ids.clone(), tokens));
                let mut told = Vec::new();
                let run = block_on(engine.bare(&ids, tokens, &mut |id| told.push(id))).unwrap();
                let what = format!("{backend:?} {path:?} {depth} {tokens}");
                assert_eq!(run.ids, wanted.ids, "{what}");
                assert_eq!(told, wanted.ids, "{what}");
                assert_eq!(run.steps_ms.len(), tokens - 1, "{what}");
                assert!(run.prefill_ms > 0.0, "{what}");
                let again = answer(&mut engine, request(ids, tokens));
                assert_eq!(again.ids, wanted.ids, "{what}");
                assert_eq!(again.usage.reused_tokens, 0, "{what}");
            }
        }
    }
}

#[test]
fn bare_run_fails_with_readable_errors() {
    let mut engine = engine(BackendChoice::Cpu, ForwardPath::Reference, 1);
    let mut refused = |ids: &[u32], tokens| {
        let run = block_on(engine.bare(ids, tokens, &mut |_| {}));
        run.unwrap_err().to_string()
    };
    assert!(refused(&[], 3).contains("the prompt is empty"));
    assert!(refused(&prompt(90), 7).contains("lower max_tokens to at most 6"));
    assert!(refused(&[1_000_000], 7).contains("outside the vocabulary"));
    engine.submit(request(prompt(3), 4));
    let error = block_on(engine.bare(&prompt(3), 2, &mut |_| {}));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("while 1 requests wait or run"), "{error}");
}
