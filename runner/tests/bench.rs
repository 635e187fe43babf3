//! A benchmark measures everything it was asked for or fails with a reason, and can be stopped.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../engine/tests/engine/support.rs"]
#[expect(dead_code, reason = "the engine's tests use the rest")]
mod support;

use llamaglass_engine::{BackendChoice, ForwardPath, LoadOptions};
use llamaglass_lab::StubLevel;
use llamaglass_lab::bench::{BenchError, Settings};
use llamaglass_runner::bench::Bench;
use pollster::block_on;

use support::{BACKENDS, answer, engine, engine_with, odd_config, prompt, request};

fn settings() -> Settings {
    Settings {
        prompt_tokens: 9,
        gen_tokens: 5,
        repeat: 2,
        ..Settings::default()
    }
}

#[test]
fn bench_measures_everything_it_was_asked_for() {
    for backend in BACKENDS {
        let options = LoadOptions {
            backend,
            prefill_chunk: Some(4),
            batch: Some(2),
            ..Default::default()
        };
        let mut engine = engine_with(&odd_config(), &options);
        let settings = Settings {
            positions: vec![40, 12, 40],
            batches: vec![2, 1],
            kernels: true,
            roofline: true,
            ..settings()
        };
        let mut bench = Bench::new(&engine, settings).unwrap();
        let mut seen = Vec::new();
        while block_on(bench.step(&mut engine)).unwrap() {
            let what = bench.progress().what.clone();
            if seen.last() != Some(&what) {
                seen.push(what);
            }
        }
        let progress = bench.progress();
        // A warm-up of 3 tokens, two runs, two positions, and two runs of three requests.
        assert_eq!(progress.total, 3 + 5 * (2 + 2 + 2 * 3));
        assert_eq!(progress.done, progress.total);
        assert_eq!(
            seen,
            [
                "warm-up",
                "run 1/2",
                "run 2/2",
                "position 12",
                "position 40",
                "batch 1, run 1/2",
                "batch 1, run 2/2",
                "batch 2, run 1/2",
                "batch 2, run 2/2",
                "kernels one by one",
                "what the device can do",
            ]
        );
        let report = bench.report(&engine, StubLevel::Whole, "odd".into());
        assert_eq!(report.runs.len(), 2);
        let positions: Vec<usize> = report.positions.iter().map(|at| at.position).collect();
        assert_eq!(positions, [12, 40]);
        let batches: Vec<usize> = report.batches.iter().map(|at| at.batch).collect();
        assert_eq!(batches, [1, 2]);
        assert!(report.batches.iter().all(|at| at.decode_tok_s.is_some()));
        assert!(!report.kernels.is_empty());
        let roofline = report.roofline.expect("measured").roofline;
        let on_cpu = backend == BackendChoice::Cpu;
        assert_eq!(roofline.by_threads.is_empty(), !on_cpu, "{roofline:?}");
        assert!(engine.is_idle());
    }
}

#[test]
fn stopped_bench_leaves_a_clean_state() {
    let mut engine = engine(BackendChoice::Wgpu);
    let alone = answer(&mut engine, request(prompt(7), 4));
    let mut bench = Bench::new(&engine, settings()).unwrap();
    for _ in 0..4 {
        assert!(block_on(bench.step(&mut engine)).unwrap());
    }
    bench.stop(&mut engine);
    while !engine.is_idle() {
        block_on(engine.step());
    }
    let again = answer(&mut engine, request(prompt(7), 4));
    assert_eq!(again.ids, alone.ids);
}

#[test]
fn bench_refuses_what_the_engine_cannot_do() {
    let options = LoadOptions {
        backend: BackendChoice::Cpu,
        path: Some(ForwardPath::Reference),
        ..Default::default()
    };
    let engine = engine_with(&odd_config(), &options);
    let refused = |settings: Settings| Bench::new(&engine, settings).unwrap_err();
    for (kernels, roofline) in [(true, false), (false, true)] {
        let settings = Settings {
            kernels,
            roofline,
            ..settings()
        };
        assert_eq!(refused(settings), BenchError::NotOnTheFastPath);
    }
    let batches = Settings {
        batches: vec![1, 3],
        ..settings()
    };
    assert_eq!(refused(batches), BenchError::Batch { batch: 3, most: 1 });
    let positions = Settings {
        positions: vec![8],
        gen_tokens: 1,
        ..settings()
    };
    assert_eq!(refused(positions), BenchError::OneToken);
    let long = Settings {
        prompt_tokens: 95,
        ..settings()
    };
    assert!(matches!(refused(long), BenchError::TooLong { .. }));
}
