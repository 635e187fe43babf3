//! Answers that must follow a format, alone and among others.

use llamaglass_engine::event::{Event, Fault, FinishReason, RequestId};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{OutputFormat, Policy, Request};
use llamaglass_engine::timing::Span;
use llamaglass_engine::weights::ModelConfig;
use llamaglass_engine::{BackendChoice, ForwardPath, LoadOptions};
use pollster::block_on;
use serde_json::{Value, json};

use super::support::{
    Answer, Answers, BACKENDS, PATHS, answer, answer_all, engine_with, last_logits, odd_config, on,
    prompt, request, run, step,
};

/// A context long enough for whatever random weights prefer between braces.
fn config() -> ModelConfig {
    ModelConfig {
        context_length: 256,
        ..odd_config()
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "count": { "type": "integer", "minimum": -5, "maximum": 120 },
            "word": { "type": "string", "maxLength": 6 },
            "kind": { "enum": ["é", "日本", "plain"] },
            "flags": { "type": "array", "items": { "type": "boolean" }, "maxItems": 2 },
        },
        "required": ["count", "word", "kind"],
        "additionalProperties": false,
    })
}

fn constrained(request: Request) -> Request {
    Request {
        max_tokens: Some(180),
        format: Some(OutputFormat::JsonSchema(schema())),
        ..request
    }
}

fn drawn(seed: u64, request: Request) -> Request {
    Request {
        sampling: SamplingOptions {
            temperature: 1.3,
            top_k: 60,
            repetition_penalty: 1.1,
            seed,
            ..Default::default()
        },
        ..request
    }
}

fn assert_valid(answer: &Answer, what: &str) {
    assert_eq!(answer.error, None, "{what}");
    let (text, finish_reason) = (&answer.text, answer.finish_reason);
    assert_eq!(finish_reason, Some(FinishReason::Stop), "{what}: {text}");
    assert_eq!(answer.usage.completion_tokens, answer.ids.len());
    let value: Value = serde_json::from_str(text).expect(text);
    let count = value["count"].as_i64().unwrap();
    let word = value["word"].as_str().unwrap().chars().count();
    let kind = value["kind"].as_str().unwrap();
    let flags = value
        .get("flags")
        .map(|flags| flags.as_array().unwrap().len());
    let valid = (-5..=120).contains(&count)
        && word <= 6
        && ["é", "日本", "plain"].contains(&kind)
        && flags.is_none_or(|flags| flags <= 2)
        && value.as_object().unwrap().len() == 3 + usize::from(flags.is_some());
    assert!(valid, "{what}: {value}");
}

#[test]
fn answers_match_the_schema_with_any_weights() {
    for (backend, path) in PATHS {
        let options = LoadOptions {
            path: Some(path),
            prefill_chunk: Some(4),
            readback_depth: Some(2),
            ..on(backend)
        };
        // With and without an end id.
        for eos_ids in [vec![300], Vec::new()] {
            let config = ModelConfig {
                eos_ids,
                ..config()
            };
            let mut engine = engine_with(&config, &options);
            for seed in 0..3 {
                let what = format!("{backend:?} {path:?} {seed}");
                let asked = constrained(request(prompt(9), 0));
                let asked = if seed == 0 { asked } else { drawn(seed, asked) };
                let got = answer(&mut engine, asked);
                assert_valid(&got, &what);
                let plan: f64 = got.timings.iter().map(|t| t.spans.get(Span::Plan)).sum();
                assert!(plan > 0.0, "{what}");
            }
        }
    }
}

/// A mix of constrained and free requests, some longer than a cache block.
fn requests() -> Vec<Request> {
    vec![
        request(prompt(9), 40),
        constrained(request(prompt(14), 0)),
        drawn(7, request(prompt(60), 30)),
        drawn(5, constrained(request(prompt(70), 0))),
        drawn(3, request(prompt(3), 9)),
        constrained(drawn(2, request(prompt(2), 0))),
    ]
}

#[test]
fn batched_constrained_requests_get_the_answers_of_single_ones() {
    for backend in BACKENDS {
        let options = |batch, policy, kv_blocks, depth| LoadOptions {
            path: Some(ForwardPath::Fast),
            prefill_chunk: Some(40),
            readback_depth: Some(depth),
            batch: Some(batch),
            policy,
            kv_blocks,
            ..on(backend)
        };
        let single = options(1, Policy::PrefillFirst, None, 1);
        let alone = answer_all(&mut engine_with(&config(), &single), requests());
        for (policy, kv_blocks, depth) in [
            (Policy::PrefillFirst, None, 1),
            (Policy::PrefillFirst, None, 3),
            (Policy::Balanced, None, 2),
            // Enough blocks for one request of maximum length, which four requests soon exhaust.
            (Policy::PrefillFirst, Some(4), 2),
            (Policy::Balanced, Some(4), 3),
        ] {
            let what = format!("{backend:?}, {policy:?}, {kv_blocks:?}, depth {depth}");
            let mut engine = engine_with(&config(), &options(4, policy, kv_blocks, depth));
            let mut all = requests();
            // This request is aborted halfway through its answer.
            all.insert(1, constrained(drawn(9, request(prompt(20), 0))));
            let ids: Vec<RequestId> = all.into_iter().map(|r| engine.submit(r)).collect();
            let mut answers = Answers::new();
            while !engine.is_idle() {
                step(&mut engine, &mut answers);
                if answers
                    .get(&ids[1])
                    .is_some_and(|answer| answer.ids.len() >= 5)
                {
                    engine.abort(ids[1]);
                }
            }
            let mut got: Vec<Answer> = ids.iter().map(|id| answers.remove(id).unwrap()).collect();
            let aborted = got.remove(1);
            assert_eq!(aborted.finish_reason, Some(FinishReason::Abort), "{what}");
            for (index, (got, wanted)) in got.iter().zip(&alone).enumerate() {
                assert_eq!(got.ids, wanted.ids, "{what}: request {index}");
                assert_eq!(got.text, wanted.text, "{what}: request {index}");
                if [1, 3, 5].contains(&index) {
                    assert_valid(got, &what);
                }
            }
            let preempted: usize = got.iter().map(|answer| answer.preempted).sum();
            assert!(preempted > 0 || kv_blocks.is_none(), "{what}");
            assert_eq!(engine.blocks().0, 0);
        }
    }
}

#[test]
fn max_tokens_ends_a_constrained_answer_with_length() {
    for backend in BACKENDS {
        let mut engine = engine_with(&config(), &on(backend));
        let cut = Request {
            max_tokens: Some(3),
            ..constrained(request(prompt(5), 0))
        };
        let got = answer(&mut engine, cut);
        assert_eq!(got.finish_reason, Some(FinishReason::Length));
        assert_eq!((got.ids.len(), &got.text[..1]), (3, "{"));
    }
}

#[test]
fn logprobs_ignore_the_constraint() {
    for backend in BACKENDS {
        let mut engine = engine_with(&config(), &on(backend));
        let logits = last_logits(&mut engine, &prompt(5));
        let total: f32 = logits.iter().map(|logit| logit.exp()).sum();
        let asked = Request {
            max_tokens: Some(1),
            logprobs: Some(1),
            ..constrained(request(prompt(5), 0))
        };
        engine.submit(asked);
        let mut told = None;
        run(&mut engine, |_, event| {
            if let Event::Token { id, logprobs, .. } = event {
                told = Some((id, logprobs.unwrap()));
            }
        });
        let (id, logprobs) = told.unwrap();
        assert_eq!(id, u32::from(b'{'));
        let wanted = logits[id as usize] - total.ln();
        assert!((logprobs.logprob - wanted).abs() < 1e-3, "{backend:?}");
        // The most probable id was not allowed, but is reported.
        assert_ne!(logprobs.top[0].0, id);
    }
}

#[test]
fn unsupported_format_is_the_requests_fault() {
    let mut engine = engine_with(&config(), &on(BackendChoice::Cpu));
    // The smallest vocabulary has no brace.
    let few = ModelConfig {
        vocab_size: 100,
        ..config()
    };
    let mut few = engine_with(&few, &on(BackendChoice::Cpu));
    let bad = OutputFormat::JsonSchema(json!({ "type": "object", "not": {} }));
    for (engine, format, words) in [
        (&mut engine, bad, "not"),
        (&mut few, OutputFormat::JsonObject, "no token"),
    ] {
        engine.submit(Request {
            format: Some(format),
            ..request(prompt(3).into_iter().map(|id| id % 90).collect(), 4)
        });
        let events = block_on(engine.step());
        let [Event::Failed { error, fault, .. }] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert!(error.contains(words), "{error}");
        assert_eq!(*fault, Fault::Request);
        assert!(engine.is_idle());
    }
}
