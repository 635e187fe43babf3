//! Answers: sampled ids, events and timings.

use llamaglass_engine::event::{Event, FinishReason};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::timing::{ClockSource, DeviceTiming, Span, Stage, StepKind};
use llamaglass_engine::{BackendChoice, Engine, LoadOptions, Variant};

use super::oracle;
use super::support::{
    BACKENDS, PATHS, answer, checkpoint, engine, engine_with, odd_config, on, prompt, request, run,
};

#[test]
fn greedy_ids_match_the_oracle() {
    let mut known = prompt(9);
    let checkpoint = checkpoint(&odd_config());
    for _ in 0..8 {
        let logits = oracle::last_logits(&checkpoint, &known);
        let ids = 0..logits.len();
        let best = ids.max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
        known.push(best.unwrap() as u32);
    }
    for backend in BACKENDS {
        let got = answer(&mut engine(backend), request(prompt(9), 8));
        assert_eq!(got.ids, known[9..], "{backend:?}");
        assert_eq!(got.finish_reason, Some(FinishReason::Length));
        assert_eq!(got.usage.completion_tokens, 8);
    }
    // Check every kernel variant, whatever the adapter would choose.
    for variant in Variant::ALL {
        let options = LoadOptions {
            variant: Some(variant),
            ..on(BackendChoice::Wgpu)
        };
        let mut engine = engine_with(&odd_config(), &options);
        assert_eq!(engine.info().variant, Some(variant));
        let got = answer(&mut engine, request(prompt(9), 8));
        assert_eq!(got.ids, known[9..], "{variant}");
    }
}

#[test]
fn events_are_in_order_and_cover_every_step() {
    for backend in BACKENDS {
        let mut engine = engine(backend);
        engine.submit(request(prompt(10), 2));
        let mut kinds = Vec::new();
        run(&mut engine, |_, event| {
            kinds.push(match event {
                Event::Queued { .. } => "queued".into(),
                Event::Preempted { .. } => "preempted".into(),
                Event::Started {
                    prompt_tokens,
                    reused_tokens,
                    ..
                } => format!("started {prompt_tokens}, {reused_tokens} reused"),
                Event::Prefill {
                    done_tokens,
                    prompt_tokens,
                    ..
                } => format!("prefill {done_tokens} of {prompt_tokens}"),
                Event::Token { timing, .. } => {
                    format!("token at {} of {:?}", timing.position, timing.kind)
                }
                Event::Done { finish_reason, .. } => format!("{finish_reason:?}"),
                Event::Failed { error, .. } => error,
            });
        });
        assert_eq!(
            kinds,
            [
                "queued",
                "started 10, 0 reused",
                "prefill 4 of 10",
                "prefill 8 of 10",
                "token at 8 of Prefill",
                "token at 10 of Decode",
                "Length",
            ]
        );
    }
}

#[test]
fn stages_add_up_to_the_steps_wall_time() {
    for backend in BACKENDS {
        let got = answer(&mut engine(backend), request(prompt(10), 12));
        assert_eq!(got.timings.len(), 14);
        for timing in &got.timings {
            let sum: f64 = Stage::STEP.iter().map(|stage| timing.stage(*stage)).sum();
            let slack = (0.02 * timing.wall_ms).max(2.0 * timing.clock.resolution_ms);
            assert!(
                (sum - timing.wall_ms).abs() <= slack,
                "{backend:?}: {timing:?}"
            );
            assert!(timing.wall_ms > 0.0 && timing.stage(Stage::Forward) > 0.0);
        }
        let decode = got.timings.last().unwrap();
        assert_eq!((decode.kind, decode.tokens), (StepKind::Decode, 1));
    }
}

#[test]
fn forward_is_compute_on_the_cpu_and_encode_submit_gpu_on_a_device() {
    for (backend, path) in PATHS {
        let options = LoadOptions {
            path: Some(path),
            prefill_chunk: Some(4),
            ..on(backend)
        };
        let got = answer(
            &mut engine_with(&odd_config(), &options),
            request(prompt(10), 4),
        );
        let expected: &[Span] = match backend {
            BackendChoice::Cpu => &[Span::Compute],
            _ => &[Span::Encode, Span::Submit, Span::Gpu],
        };
        let what = format!("{backend:?} {path:?}: {:?}", got.timings);
        // The other spans of a step submitted ahead are booked on an earlier step.
        let waited = expected.last().expect("a span");
        let took = |span: &Span| got.timings.iter().all(|of| of.spans.get(*span) > 0.0);
        assert!(took(waited), "{what}");
        for span in Span::ALL.iter().filter(|of| of.stage() == Stage::Forward) {
            let sum: f64 = got.timings.iter().map(|of| of.spans.get(*span)).sum();
            assert_eq!(sum > 0.0, expected.contains(span), "{span:?} {what}");
        }
    }
}

/// The device's own times are part of the wait; only steps that sample have a sampling time.
#[test]
fn device_times_are_part_of_the_wait() {
    let got = answer(&mut engine(BackendChoice::Wgpu), request(prompt(10), 12));
    for timing in &got.timings {
        let device = timing.device.expect("an adapter with timestamps");
        assert_eq!(device.clock.source, ClockSource::Device);
        let DeviceTiming {
            forward_ms,
            sampling_ms,
            clock,
        } = device;
        assert!(forward_ms > 0.0 && clock.resolution_ms > 0.0, "{timing:?}");
        assert!(
            forward_ms + sampling_ms <= 1.02 * timing.wall_ms,
            "{timing:?}"
        );
    }
    let samplings = got.timings.iter().filter_map(|timing| timing.device);
    let samplings: Vec<f64> = samplings.map(|device| device.sampling_ms).collect();
    // Chunks of 4, 4 and 2 prompt ids; the last one samples.
    assert_eq!(samplings[..2], [0.0; 2]);
    assert!(samplings[2..].iter().all(|ms| *ms > 0.0), "{samplings:?}");
    let got = answer(&mut engine(BackendChoice::Cpu), request(prompt(10), 2));
    assert!(got.timings.iter().all(|timing| timing.device.is_none()));
}

#[test]
fn next_turn_reuses_the_cache_without_changing_the_answer() {
    for backend in BACKENDS {
        let mut engine = engine(backend);
        let first = answer(&mut engine, request(prompt(10), 6));
        let mut turn = prompt(10);
        turn.extend(&first.ids);
        turn.extend(prompt(5));
        let warm = answer(&mut engine, request(turn.clone(), 6));
        // The last sampled id has not been through the model.
        assert_eq!(warm.usage.reused_tokens, 15, "{backend:?}");
        engine.clear_cache();
        let cold = answer(&mut engine, request(turn, 6));
        assert_eq!(cold.usage.reused_tokens, 0);
        assert_eq!(warm.ids, cold.ids);
    }
}

#[test]
fn equal_seeds_give_equal_answers_and_others_do_not() {
    let sampled = |seed| Request {
        sampling: SamplingOptions {
            temperature: 1.5,
            top_p: 0.95,
            seed,
            ..Default::default()
        },
        ..request(prompt(5), 24)
    };
    for backend in BACKENDS {
        let mut engine = engine(backend);
        let [a, b, c] = [1, 1, 2].map(|seed| answer(&mut engine, sampled(seed)));
        assert_eq!(a.ids, b.ids, "{backend:?}");
        assert_ne!(a.ids, c.ids, "{backend:?}");
    }
}

#[test]
fn answer_can_fill_the_context_to_its_last_position() {
    for backend in BACKENDS {
        let mut engine = engine(backend);
        let context = engine.info().context_length;
        let got = answer(&mut engine, request(prompt(context - 3), 3));
        assert_eq!(got.ids.len(), 3);
        let mut open = request(prompt(context - 3), 1);
        open.max_tokens = None;
        let got = answer(&mut engine, open);
        assert_eq!(
            (got.ids.len(), got.finish_reason),
            (3, Some(FinishReason::Length))
        );
    }
}

/// Relaunching every kernel per token would be correct but slow, and no other test would notice.
#[test]
fn decode_steps_are_replayed_on_a_gpu() {
    let engine = engine(BackendChoice::Wgpu);
    let model = format!("{engine:?}");
    assert!(model.contains("replays: true"), "{model}");
}

/// All kernels that prompts and answers launch are compiled during the load.
#[test]
fn load_compiles_every_kernel() {
    let mut engine = engine_with(&odd_config(), &on(BackendChoice::Wgpu));
    let compiled = |engine: &Engine| format!("{engine:?}").matches("[\"").count();
    let before = compiled(&engine);
    assert!(before > 5, "{engine:?}");
    answer(&mut engine, request(prompt(20), 3));
    let mut sampled = request(prompt(30), 3);
    sampled.sampling.temperature = 1.0;
    answer(&mut engine, sampled);
    assert_eq!(compiled(&engine), before, "{engine:?}");
}
