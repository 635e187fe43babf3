//! Invalid requests fail with readable errors and leave the engine usable.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::{BackendChoice, LoadOptions};

use super::support::{
    BACKENDS, answer, engine, engine_with, odd_config, on, open, prompt, request,
};

#[test]
fn invalid_requests_fail_with_their_reason() {
    let nan = SamplingOptions {
        temperature: f32::NAN,
        ..Default::default()
    };
    let text = |text: &str| Request::new(Input::Text(text.into()));
    let cases = [
        (request(Vec::new(), 1), "the prompt is empty"),
        (text(""), "the prompt is empty"),
        (
            request(prompt(96), 1),
            "the prompt has 96 tokens, but the context holds 96",
        ),
        (
            text(&"a".repeat(100_000)),
            "the prompt has 100000 bytes, more than fill the context of 96 tokens",
        ),
        (request(prompt(90), 7), "lower max_tokens to at most 6"),
        (request(prompt(3), 0), "max_tokens must be at least 1"),
        (request(vec![1, 301], 1), "id 301 is outside the vocabulary"),
        (
            Request {
                sampling: nan,
                ..request(prompt(3), 1)
            },
            "temperature must be between 0 and 2, not NaN",
        ),
    ];
    for backend in BACKENDS {
        let mut engine = engine(backend);
        let before = answer(&mut engine, request(prompt(5), 3));
        for (bad, reason) in cases.clone() {
            let failed = answer(&mut engine, bad);
            let error = failed.error.unwrap_or_default();
            assert!(
                error.contains(reason),
                "{backend:?}: {error:?}, not {reason:?}"
            );
            assert!(failed.ids.is_empty());
        }
        assert_eq!(answer(&mut engine, request(prompt(5), 3)).ids, before.ids);
    }
}

#[test]
fn load_refuses_a_model_that_exceeds_the_memory_limit() {
    for backend in BACKENDS {
        let options = LoadOptions {
            memory_limit: Some(1000),
            ..on(backend)
        };
        let error = open(&odd_config(), &options).unwrap_err().to_string();
        assert!(error.contains("but 1000 are available"), "{error}");
    }
}

#[test]
fn load_limits_the_context_to_the_models_own() {
    let options = LoadOptions {
        context_length: Some(1_000_000),
        ..on(BackendChoice::Cpu)
    };
    let engine = engine_with(&odd_config(), &options);
    assert_eq!(engine.info().context_length, 96);
}
