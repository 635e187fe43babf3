//! The number of steps in flight changes when an answer arrives, but never its content.

use llamaglass_engine::event::FinishReason;
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{BackendChoice, Engine, LoadOptions};
use pollster::block_on;

use super::support::{Answer, answer, engine_with, odd_config, on, prompt, request};

fn engine(depth: usize) -> Engine {
    let options = LoadOptions {
        prefill_chunk: Some(4),
        readback_depth: Some(depth),
        ..on(BackendChoice::Wgpu)
    };
    engine_with(&odd_config(), &options)
}

/// A request that makes the device track state from sample to sample.
fn sampled(seed: u64) -> Request {
    Request {
        sampling: SamplingOptions {
            temperature: 1.2,
            top_k: 60,
            top_p: 0.9,
            repetition_penalty: 1.1,
            presence_penalty: 0.2,
            frequency_penalty: 0.3,
            seed,
            ..Default::default()
        },
        ..request(prompt(9), 20)
    }
}

#[test]
fn answers_do_not_depend_on_the_number_of_steps_in_flight() {
    let mut wanted: Option<Vec<Answer>> = None;
    for depth in 1..=4 {
        let mut engine = engine(depth);
        let whole = answer(&mut engine, sampled(3));
        assert_eq!(whole.finish_reason, Some(FinishReason::Length));
        let middle: String = whole.text.chars().skip(8).take(3).collect();
        let stopped = Request {
            stop: vec![middle],
            ..sampled(3)
        };
        let stopped = answer(&mut engine, stopped);
        assert_eq!(stopped.finish_reason, Some(FinishReason::Stop));
        assert!(stopped.ids.len() < whole.ids.len());
        // Another request in the same slot after the end of the first, and a greedy one.
        let other = answer(&mut engine, sampled(4));
        let greedy = answer(&mut engine, request(prompt(9), 20));
        let got = vec![whole, stopped, other, greedy];
        for answer in &got {
            assert_eq!(answer.ids.len(), answer.usage.completion_tokens);
        }
        match &wanted {
            None => wanted = Some(got),
            Some(wanted) => {
                for (wanted, got) in wanted.iter().zip(&got) {
                    assert_eq!(
                        (&wanted.ids, &wanted.text),
                        (&got.ids, &got.text),
                        "{depth}"
                    );
                }
            }
        }
    }
}

#[test]
fn abort_with_steps_in_flight_leaves_a_clean_state() {
    let mut engine = engine(4);
    let wanted = answer(&mut engine, request(prompt(12), 10));
    for steps in 0..8 {
        let id = engine.submit(request(prompt(20), 30));
        let mut partial = Answer::default();
        for _ in 0..steps {
            assert!(!partial.take(id, block_on(engine.step())));
        }
        engine.abort(id);
        assert!(partial.take(id, block_on(engine.step())), "{steps}");
        let again = answer(&mut engine, request(prompt(12), 10));
        assert_eq!(again.ids, wanted.ids, "{steps}");
    }
    // Dropping a model with steps in flight must not break the device.
    engine.submit(request(prompt(20), 30));
    for _ in 0..7 {
        block_on(engine.step());
    }
    drop(engine);
    let again = answer(&mut self::engine(4), request(prompt(12), 10));
    assert_eq!(again.ids, wanted.ids);
}
