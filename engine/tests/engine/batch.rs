//! Batched requests get the same answers as single ones.

use std::collections::BTreeSet;

use llamaglass_engine::event::{Event, FinishReason, RequestId};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Policy, Request};
use llamaglass_engine::timing::StepKind;
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions};
use pollster::block_on;

use super::support::{
    Answer, Answers, BACKENDS, PATHS, answer_all, engine_with, odd_config, on, open, prompt,
    request, run, step,
};

fn options(backend: BackendChoice, batch: usize, depth: usize) -> LoadOptions {
    LoadOptions {
        prefill_chunk: Some(4),
        readback_depth: Some(depth),
        batch: Some(batch),
        ..on(backend)
    }
}

fn engine(backend: BackendChoice, batch: usize, depth: usize) -> Engine {
    engine_with(&odd_config(), &options(backend, batch, depth))
}

/// Requests with prompts and answers of various lengths, some longer than a cache block; greedy and sampled,
/// with and without penalties.
fn requests() -> Vec<Request> {
    let drawn = |seed, penalty, request| Request {
        sampling: SamplingOptions {
            temperature: 1.1,
            top_k: 50,
            repetition_penalty: penalty,
            presence_penalty: penalty - 1.0,
            seed,
            ..Default::default()
        },
        ..request
    };
    vec![
        request(prompt(9), 12),
        drawn(7, 1.0, request(prompt(60), 20)),
        request(prompt(3), 1),
        drawn(8, 1.3, request(prompt(14), 7)),
        request(prompt(70), 9),
        drawn(9, 1.2, request(prompt(1), 30)),
    ]
}

fn assert_same(got: &[Answer], wanted: &[Answer], what: &str) {
    for (index, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert_eq!(got.error, None, "{what}");
        assert_eq!(got.ids, wanted.ids, "{what}: request {index}");
        assert_eq!(got.text, wanted.text, "{what}: request {index}");
        assert_eq!(got.finish_reason, wanted.finish_reason);
    }
}

/// Returns the start times of the decode steps.
fn decode_steps(answers: &[Answer]) -> BTreeSet<u64> {
    let timings = answers.iter().flat_map(|answer| &answer.timings);
    timings
        .filter(|timing| timing.kind == StepKind::Decode)
        .map(|timing| timing.start_ms.to_bits())
        .collect()
}

#[test]
fn batched_requests_get_the_answers_of_single_ones() {
    for backend in BACKENDS {
        let alone = answer_all(&mut engine(backend, 1, 1), requests());
        let steps_alone = decode_steps(&alone).len();
        for (batch, depth) in [(2, 1), (3, 2), (8, 3)] {
            let what = format!("{backend:?}, batch {batch}, depth {depth}");
            let mut engine = engine(backend, batch, depth);
            assert_eq!(engine.info().batch, batch);
            // In the second round, the prompts are in the cache.
            for _ in 0..2 {
                let got = answer_all(&mut engine, requests());
                assert_same(&got, &alone, &what);
                assert!(decode_steps(&got).len() < steps_alone, "{what}");
            }
        }
    }
}

#[test]
fn requests_join_and_leave_a_running_batch() {
    for backend in BACKENDS {
        let alone = answer_all(&mut engine(backend, 1, 1), requests());
        for depth in [1, 2, 4] {
            let mut engine = engine(backend, 3, depth);
            let mut all = requests().into_iter();
            let mut answers = Answers::new();
            let first: Vec<RequestId> = all.by_ref().take(2).map(|r| engine.submit(r)).collect();
            let aborted = engine.submit(request(prompt(5), 40));
            let mut tokens = 0;
            while tokens < 6 {
                for event in block_on(engine.step()) {
                    tokens += usize::from(matches!(event, Event::Token { .. }));
                    let request = event.request();
                    answers
                        .entry(request)
                        .or_default()
                        .take(request, vec![event]);
                }
            }
            engine.abort(aborted);
            let later: Vec<RequestId> = all.map(|r| engine.submit(r)).collect();
            while !engine.is_idle() {
                step(&mut engine, &mut answers);
            }
            let left = answers.remove(&aborted).unwrap();
            assert_eq!(left.finish_reason, Some(FinishReason::Abort));
            assert!(left.ids.len() < 40);
            let ids = first.iter().chain(&later);
            let got: Vec<Answer> = ids.map(|id| answers.remove(id).unwrap()).collect();
            assert_same(&got, &alone, &format!("{backend:?}, depth {depth}"));
        }
    }
}

/// Each slot keeps its own prefix, so alternating conversations find theirs.
#[test]
fn request_gets_the_slot_that_caches_its_prompt() {
    for backend in BACKENDS {
        let mut engine = engine(backend, 2, 1);
        let other: Vec<u32> = prompt(20).into_iter().rev().collect();
        let all = vec![request(prompt(20), 3), request(other.clone(), 3)];
        answer_all(&mut engine, all);
        for ids in [other, prompt(20)] {
            let got = answer_all(&mut engine, vec![request(ids, 3)]);
            assert_eq!(got[0].usage.reused_tokens, 19);
        }
    }
}

/// Every policy and number of blocks, on every path.
#[test]
fn answers_do_not_depend_on_policy_and_block_count() {
    for (backend, path) in PATHS {
        let options = |batch, policy, kv_blocks| LoadOptions {
            path: Some(path),
            // Large enough for tiles of several prompts.
            prefill_chunk: Some(40),
            readback_depth: Some(2),
            batch: Some(batch),
            policy,
            kv_blocks,
            ..on(backend)
        };
        let engine = |options: &LoadOptions| engine_with(&odd_config(), options);
        let mut single = engine(&options(1, Policy::PrefillFirst, None));
        let alone = answer_all(&mut single, requests());
        for policy in [Policy::PrefillFirst, Policy::Balanced] {
            // One request takes two blocks; three are soon too few for four requests.
            for kv_blocks in [None, Some(3)] {
                let what = format!("{backend:?} {path:?} {policy:?} {kv_blocks:?}");
                let mut engine = engine(&options(4, policy, kv_blocks));
                let got = answer_all(&mut engine, requests());
                assert_same(&got, &alone, &what);
                let fast = path == ForwardPath::Fast;
                let preempted: usize = got.iter().map(|answer| answer.preempted).sum();
                assert_eq!(preempted > 0, fast && kv_blocks.is_some(), "{what}");
                assert_eq!(engine.blocks().0, 0);
            }
        }
    }
}

#[test]
fn requests_with_a_common_prefix_share_its_blocks() {
    for backend in BACKENDS {
        let begun = |rest: [u32; 3]| request([prompt(68), rest.to_vec()].concat(), 6);
        let requests = || [begun([1, 2, 3]), begun([4, 5, 6]), begun([1, 2, 9])];
        let options = LoadOptions {
            prefill_chunk: Some(40),
            ..options(backend, 2, 1)
        };
        let mut alone = Vec::new();
        for request in requests() {
            let mut engine = engine_with(&odd_config(), &options);
            alone.extend(answer_all(&mut engine, vec![request]));
        }
        let mut engine = engine_with(&odd_config(), &options);
        let [first, second, third] = requests();
        let mut answers = Answers::new();
        let first = engine.submit(first);
        // Run until the first prompt is computed.
        while answers
            .get(&first)
            .is_none_or(|answer| answer.ids.is_empty())
        {
            step(&mut engine, &mut answers);
        }
        let ids = [first, engine.submit(second), engine.submit(third)];
        while !engine.is_idle() {
            step(&mut engine, &mut answers);
        }
        let got = ids.map(|id| answers.remove(&id).unwrap());
        assert_same(&got, &alone, &format!("{backend:?}, shared"));
        // A full block, plus a copy of the start of the next, which the first request still writes to.
        assert_eq!(got[1].usage.reused_tokens, 68);
        assert_eq!(got[2].usage.reused_tokens, 70);
    }
}

#[test]
fn priority_orders_requests_and_deadline_ends_answers() {
    for backend in BACKENDS {
        let mut engine = engine(backend, 1, 1);
        let mut submit = |priority, deadline_ms, max_tokens| {
            engine.submit(Request {
                priority,
                deadline_ms,
                ..request(prompt(5), max_tokens)
            })
        };
        let ids = [0, 0, 5].map(|priority| submit(priority, None, 4));
        let late = submit(0, Some(0.0), 4);
        let slow = submit(9, Some(300.0), 80);
        let mut ended = Vec::new();
        let mut slept = false;
        run(&mut engine, |_, event| match event {
            Event::Token { request, .. } if request == slow && !slept => {
                std::thread::sleep(std::time::Duration::from_millis(350));
                slept = true;
            }
            Event::Done {
                request,
                finish_reason,
                ..
            } => ended.push((request, finish_reason)),
            _ => {}
        });
        assert_eq!(
            ended,
            [
                (late, FinishReason::Deadline),
                (slow, FinishReason::Deadline),
                (ids[2], FinishReason::Length),
                (ids[0], FinishReason::Length),
                (ids[1], FinishReason::Length),
            ]
        );
    }
}

#[test]
fn load_refuses_invalid_batch_sizes_and_block_counts() {
    for (batch, kv_blocks, words) in [
        (0, None, "there may be 1 to 64"),
        (65, None, "there may be 1 to 64"),
        (2, Some(1), "as long as the context of 96 takes 2"),
    ] {
        let options = LoadOptions {
            kv_blocks,
            ..options(BackendChoice::Wgpu, batch, 1)
        };
        let error = open(&odd_config(), &options).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
