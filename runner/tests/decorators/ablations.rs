//! Ablations cost what they should and change no answer.

use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use llamaglass_engine::executor::{
    Capabilities, Diagnostics, Executor, SlotSampler, StageTimer, StepInput, StepOutput,
};
use llamaglass_engine::forward::ForwardError;
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Request, Step};
use llamaglass_engine::timing::{Span, StepKind, StepTiming};
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions};
use llamaglass_lab::StubLevel;
use llamaglass_runner::decorators::{self, Ablations, EagerLogs, set_ablations, set_stub};
use pollster::block_on;

use super::support::{Answer, PATHS, answer, engine_with, odd_config, prompt, request};

fn options(backend: BackendChoice, path: ForwardPath) -> LoadOptions {
    LoadOptions {
        backend,
        path: Some(path),
        prefill_chunk: Some(8),
        // Steps submitted ahead would be booked in the step before them.
        readback_depth: Some(1),
        ..Default::default()
    }
}

fn engine(backend: BackendChoice, path: ForwardPath) -> Engine {
    engine_with(&odd_config(), &options(backend, path))
}

fn fast() -> Engine {
    engine(BackendChoice::Wgpu, ForwardPath::Fast)
}

fn sampled() -> Request {
    Request {
        sampling: SamplingOptions {
            temperature: 1.1,
            top_k: 40,
            repetition_penalty: 1.2,
            seed: 5,
            ..Default::default()
        },
        ..request(prompt(11), 12)
    }
}

/// Runs a request with an empty cache.
fn cold(engine: &mut Engine, request: Request) -> Answer {
    engine.clear_cache();
    let answer = answer(engine, request);
    assert_eq!(answer.error, None);
    answer
}

fn steps(answer: &Answer, kind: StepKind) -> Vec<&StepTiming> {
    let steps = answer.timings.iter();
    steps.filter(|timing| timing.kind == kind).collect()
}

fn refused(engine: &mut Engine, ablations: Ablations) -> String {
    let before = decorators::ablations(engine);
    let error = set_ablations(engine, ablations).unwrap_err().to_string();
    assert_eq!(decorators::ablations(engine), before);
    error
}

#[test]
fn ablations_change_no_answer_and_can_be_reverted() {
    let everywhere = [
        Ablations {
            eager_logs: Some(EagerLogs::Lines(9)),
            ..Default::default()
        },
        Ablations {
            pad_to: Some(53),
            ..Default::default()
        },
        Ablations {
            concatenated_cache: true,
            ..Default::default()
        },
    ];
    let on_device = [
        Ablations {
            host_pick: true,
            ..Default::default()
        },
        Ablations {
            no_replay: true,
            ..Default::default()
        },
        Ablations {
            readback_depth: Some(3),
            ..Default::default()
        },
        Ablations {
            eager_logs: Some(EagerLogs::ForMs(0.1)),
            pad_to: Some(30),
            concatenated_cache: true,
            host_pick: true,
            no_replay: true,
            readback_depth: Some(1),
        },
    ];
    for (backend, path) in PATHS {
        let mut engine = engine(backend, path);
        let requests = || [request(prompt(11), 12), sampled()];
        let wanted = requests().map(|request| cold(&mut engine, request));
        let on_device = on_device
            .iter()
            .filter(|_| (backend, path) == (BackendChoice::Wgpu, ForwardPath::Fast));
        for ablations in everywhere.iter().chain(on_device) {
            for ablations in [*ablations, Ablations::default()] {
                set_ablations(&mut engine, ablations).unwrap();
                assert_eq!(decorators::ablations(&engine), ablations);
                for (request, wanted) in requests().into_iter().zip(&wanted) {
                    let got = cold(&mut engine, request);
                    let what = format!("{backend:?} {path:?} {ablations:?}");
                    assert_eq!((&got.ids, &got.text), (&wanted.ids, &wanted.text), "{what}");
                    assert_eq!(got.usage, wanted.usage, "{what}");
                }
            }
        }
    }
}

#[test]
fn ablations_change_no_answer_in_a_batch() {
    let options = LoadOptions {
        batch: Some(3),
        kv_blocks: Some(10),
        readback_depth: Some(2),
        ..options(BackendChoice::Wgpu, ForwardPath::Fast)
    };
    let mut engine = engine_with(&odd_config(), &options);
    let all = |engine: &mut Engine| {
        engine.clear_cache();
        let requests = [
            request(prompt(30), 40),
            sampled(),
            request(prompt(3), 9),
            request(prompt(70), 20),
        ];
        let ids = requests.map(|request| engine.submit(request));
        let mut answers = ids.map(|_| Answer::default());
        while !engine.is_idle() {
            for event in block_on(engine.step()) {
                let index = ids.iter().position(|id| *id == event.request()).unwrap();
                answers[index].take(ids[index], vec![event]);
            }
        }
        assert_eq!(engine.blocks().0, 0);
        answers.map(|answer| (answer.error, answer.ids))
    };
    let wanted = all(&mut engine);
    for ablations in [
        Ablations {
            pad_to: Some(80),
            ..Default::default()
        },
        Ablations {
            concatenated_cache: true,
            no_replay: true,
            ..Default::default()
        },
        Ablations {
            host_pick: true,
            ..Default::default()
        },
    ] {
        set_ablations(&mut engine, ablations).unwrap();
        assert_eq!(all(&mut engine), wanted, "{ablations:?}");
    }
}

#[test]
fn eager_logs_are_booked_before_the_model() {
    for (backend, path) in PATHS {
        let mut engine = engine(backend, path);
        let logs = EagerLogs::ForMs(7.0);
        set_ablations(
            &mut engine,
            Ablations {
                eager_logs: Some(logs),
                ..Default::default()
            },
        )
        .unwrap();
        let got = cold(&mut engine, request(prompt(11), 6));
        let plan = |timing: &StepTiming| timing.spans.get(Span::Plan);
        assert_eq!(got.timings.len(), 2 + 5);
        assert!(got.timings.iter().all(|t| plan(t) >= 7.0), "{path:?}");
        set_ablations(&mut engine, Ablations::default()).unwrap();
        let got = cold(&mut engine, request(prompt(11), 6));
        assert!(got.timings.iter().any(|t| plan(t) < 7.0), "{path:?}");
    }
}

/// Counts the rows that pass through it.
#[derive(Debug)]
struct RowCounter {
    inner: Box<dyn Executor>,
    rows: Rc<Cell<usize>>,
}

#[async_trait(?Send)]
impl Executor for RowCounter {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        self.inner.prepare(plan, started)
    }

    fn submit(&mut self, step: StepInput<'_>, timer: &mut StageTimer) -> Result<(), ForwardError> {
        let rows: usize = step.chunks.iter().map(|chunk| chunk.range.len()).sum();
        self.rows.set(self.rows.get() + rows);
        self.inner.submit(step, timer)
    }

    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError> {
        self.inner.wait(timer).await
    }

    fn clear(&mut self) {
        self.inner.clear();
    }

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self.inner.diagnostics()
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self.inner
    }
}

#[test]
fn padding_is_computed_before_the_first_token() {
    for (backend, path) in PATHS {
        let mut engine = engine(backend, path);
        let rows = Rc::<Cell<usize>>::default();
        let counted = Rc::clone(&rows);
        engine
            .map_executor(|inner| {
                Box::new(RowCounter {
                    inner,
                    rows: counted,
                })
            })
            .unwrap();
        for (pad_to, wanted) in [
            (Some(53), 53),
            (Some(11), 11),
            (Some(4), 11),
            // Limited to the context length.
            (Some(100_000), 96),
            (None, 11),
        ] {
            set_ablations(
                &mut engine,
                Ablations {
                    pad_to,
                    ..Default::default()
                },
            )
            .unwrap();
            rows.set(0);
            let got = cold(&mut engine, request(prompt(11), 4));
            // Up to three decode rows follow the prompt, perhaps with some past the end of the answer.
            assert!(
                (wanted + 3..=wanted + 6).contains(&rows.get()),
                "{path:?} {pad_to:?}"
            );
            assert_eq!(steps(&got, StepKind::Prefill).len(), 2);
            assert_eq!(steps(&got, StepKind::Decode).len(), 3);
            assert_eq!(got.usage.prompt_tokens, 11);
            // The padded prompt is cached, but its padding is not.
            let again = answer(&mut engine, request([prompt(11), vec![1, 2]].concat(), 2));
            assert_eq!(again.usage.reused_tokens, 11);
        }
    }
}

#[test]
fn host_sampling_reads_all_logits_back() {
    let mut engine = fast();
    let read = |answer: &Answer| {
        let spans = |span| {
            answer
                .timings
                .iter()
                .filter(move |t| t.spans.get(span) > 0.0)
        };
        [Span::Readback, Span::Sample].map(|span| spans(span).count())
    };
    let wanted = cold(&mut engine, request(prompt(7), 5));
    assert_eq!(read(&wanted), [0, 0]);
    set_ablations(
        &mut engine,
        Ablations {
            host_pick: true,
            ..Default::default()
        },
    )
    .unwrap();
    let got = cold(&mut engine, request(prompt(7), 5));
    assert_eq!(read(&got), [5, 5]);
    assert!(got.timings.iter().all(|timing| timing.device.is_some()));
}

#[test]
fn decode_steps_are_recorded_when_replay_is_off() {
    let mut engine = fast();
    let mut recorded = |no_replay| {
        set_ablations(
            &mut engine,
            Ablations {
                no_replay,
                ..Default::default()
            },
        )
        .unwrap();
        let before = engine.diagnostics().captures();
        let answer = cold(&mut engine, request(prompt(7), 9));
        assert_eq!(steps(&answer, StepKind::Decode).len(), 8);
        engine.diagnostics().captures() - before
    };
    assert_eq!([false, true, false].map(&mut recorded), [0, 8, 0]);
}

#[test]
fn unavailable_ablations_are_refused_without_effect() {
    let none = Ablations::default();
    let [host_pick, no_replay, depth] = [
        Ablations {
            host_pick: true,
            ..none
        },
        Ablations {
            no_replay: true,
            ..none
        },
        Ablations {
            readback_depth: Some(2),
            ..none
        },
    ];
    for path in [ForwardPath::Reference, ForwardPath::Fast] {
        let mut cpu = engine(BackendChoice::Cpu, path);
        assert!(refused(&mut cpu, host_pick).contains("is already so"));
        assert!(refused(&mut cpu, no_replay).contains("no_replay"));
        assert!(refused(&mut cpu, depth).contains("readback_depth"));
    }
    let mut fast = fast();
    for (ablations, words) in [
        (
            Ablations {
                readback_depth: Some(5),
                ..none
            },
            "1 to 4",
        ),
        (
            Ablations {
                readback_depth: Some(2),
                ..host_pick
            },
            "each step waits for the host",
        ),
        (
            Ablations {
                eager_logs: Some(EagerLogs::ForMs(f64::INFINITY)),
                ..none
            },
            "ms a step",
        ),
    ] {
        let error = refused(&mut fast, ablations);
        assert!(error.contains(words), "{error}");
    }
    fast.submit(request(prompt(3), 4));
    let error = refused(&mut fast, no_replay);
    assert!(error.contains("while 1 requests wait or run"), "{error}");
    let mut stub = self::fast();
    set_stub(&mut stub, StubLevel::Whole, StubLevel::Forward).unwrap();
    assert!(refused(&mut stub, depth).contains("random logits"));
}

#[test]
fn cache_is_copied_even_when_no_blocks_are_free() {
    // The context is two blocks, so a request that grows into the second leaves none free.
    let mut engine = fast();
    let wanted = cold(&mut engine, request(prompt(60), 20)).ids;
    set_ablations(
        &mut engine,
        Ablations {
            concatenated_cache: true,
            ..Default::default()
        },
    )
    .unwrap();
    assert_eq!(cold(&mut engine, request(prompt(60), 20)).ids, wanted);
}
