//! Stub levels: steps run as usual up to the cut, and the rest does not run.

use llamaglass_engine::timing::{Span, StepTiming};
use llamaglass_engine::{BackendChoice, Engine, LoadOptions, ModelSource};
use llamaglass_lab::StubLevel;
use llamaglass_runner::decorators::set_stub;
use pollster::block_on;

use super::support::{
    Answer, PATHS, answer, engine_with, last_logits, odd_config, prompt, request,
};

fn all_at_once(engine: &mut Engine, requests: usize) -> Vec<Answer> {
    let asked = |n: usize| request(prompt(5 + n), 3 + n % 7);
    let ids: Vec<_> = (0..requests).map(|n| engine.submit(asked(n))).collect();
    let mut answers: Vec<Answer> = ids.iter().map(|_| Answer::default()).collect();
    while !engine.is_idle() {
        for event in block_on(engine.step()) {
            let index = ids.iter().position(|id| *id == event.request()).unwrap();
            answers[index].take(ids[index], vec![event]);
        }
    }
    answers
}

#[test]
fn random_logits_replace_the_model_independent_of_batching() {
    for (backend, path) in PATHS {
        for (level, computes) in [(StubLevel::Forward, false), (StubLevel::FirstKernel, true)] {
            let with_batch = |batch| LoadOptions {
                backend,
                path: Some(path),
                prefill_chunk: Some(4),
                batch: Some(batch),
                ..Default::default()
            };
            let answers_of = |batch| {
                let mut engine = engine_with(&odd_config(), &with_batch(batch));
                set_stub(&mut engine, StubLevel::Whole, level).unwrap();
                all_at_once(&mut engine, 11)
            };
            let (alone, together) = (answers_of(1), answers_of(4));
            for (n, (one, other)) in alone.iter().zip(&together).enumerate() {
                let what = format!("{backend:?} {path:?} {level} request {n}");
                assert_eq!(one.error, None, "{what}");
                assert_eq!(one.ids.len(), 3 + n % 7, "{what}");
                assert_eq!(one.ids, other.ids, "{what}");
                let took = |timing: &StepTiming, span| timing.spans.get(span) > 0.0;
                assert!(one.timings.iter().all(|t| took(t, Span::Upload)), "{what}");
                let on_cpu = backend == BackendChoice::Cpu;
                for (span, booked) in [
                    (Span::Compute, computes && on_cpu),
                    (Span::Encode, computes && !on_cpu),
                    (Span::Gpu, computes && !on_cpu),
                    (Span::Submit, !on_cpu),
                ] {
                    assert!(
                        one.timings.iter().all(|t| took(t, span) == booked),
                        "{what} {span:?}"
                    );
                }
            }
            // Different requests get different ids.
            assert_ne!(alone[0].ids, alone[7].ids);
        }
    }
}

#[test]
fn random_weights_keep_the_models_shape_and_tokenizer() {
    let path = "../engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
    let load = |source: ModelSource| {
        let options = LoadOptions {
            backend: BackendChoice::Cpu,
            ..Default::default()
        };
        block_on(Engine::open(source, options)).unwrap()
    };
    let mut whole = load(path.into());
    let mut random = load(ModelSource::from(path).with_random_weights(0));
    assert_eq!(random.info().config, whole.info().config);
    assert_eq!(random.info().tensor_types, whole.info().tensor_types);
    assert_eq!(random.info().format, "random weights");
    assert_eq!(
        random.tokenizer().decode(&[300], false),
        whole.tokenizer().decode(&[300], false)
    );
    let ids = prompt(8);
    assert_ne!(
        last_logits(&mut random, &ids),
        last_logits(&mut whole, &ids)
    );
    assert_eq!(answer(&mut random, request(ids, 4)).ids.len(), 4);
    let (level, loaded) = (StubLevel::Forward, StubLevel::RandomWeights);
    let error = set_stub(&mut random, loaded, level)
        .unwrap_err()
        .to_string();
    assert!(error.contains("needs other weights"), "{error}");
}
