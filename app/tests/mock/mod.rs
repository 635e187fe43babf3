//! A mock engine, to test the page without a real one and to look at it (feature `mock`, which never ships).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use llamaglass_lab::bench::{AtPosition, BenchReport, Progress, Settings};
use llamaglass_lab::experiments::lengths::StatsData;
use llamaglass_lab::{Data, Experiment, LabResult, Machine, Point, Progress as LabProgress};
use llamaglass_types::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_types::stats::{Quantiles, Record};
use llamaglass_types::timing::{
    Clock, ClockSource, LoadTiming, RequestTiming, Span, Spans, StepKind, StepTiming,
};
use llamaglass_types::{
    Backend, BackendChoice, BackendInfo, ForwardPath, LoadPhase, LoadProgress, MemoryLedger,
    ModelInfo, TypeCount,
};
use llamaglass_types::{Input, Request};
use llamaglass_types::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};

use llamaglass_app::client::{Client, Listener, PageFile};
use llamaglass_app::lab::{Job, LabEnd, Measured, Spec};
use llamaglass_app::platform::Platform;
use llamaglass_app::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, Reply, StorageCommand, StorageReply,
    Tag, WindowCommand, WindowReply,
};

const ANSWER: &str = "The capital of France is **Paris**. It lies on the *Seine*, and has about 2.1 million people.\n\n1. It was called Lutetia.\n2. Its tower is 330 m high.\n\n```rust\nfn main() {\n    println!(\"Bonjour, <b>Paris</b>\");\n}\n```\n\n| Quarter | Bank |\n|---|---|\n| Marais | right |\n| Latin | left |\n\nSee [the city](https://www.paris.fr) or <script>alert(1)</script> for more.";
const CLOCK: Clock = Clock {
    source: ClockSource::PerformanceNow,
    resolution_ms: 0.1,
};

/// Client of a mock engine.
pub struct MockClient {
    shared: Rc<Shared>,
}

struct Shared {
    listener: Listener,
    queue: RefCell<VecDeque<Reply>>,
    busy: RefCell<Option<Tag>>,
    step_ms: u64,
}

impl MockClient {
    /// Creates a client whose tokens arrive every `step_ms` milliseconds.
    pub fn new(listener: Listener, step_ms: u64) -> Self {
        let shared = Rc::new(Shared {
            listener,
            queue: RefCell::default(),
            busy: RefCell::default(),
            step_ms,
        });
        shared.say([EngineReply::Ready]);
        Self { shared }
    }
}

impl Client for MockClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        match command.clone() {
            Command::Engine(command) => self.send_engine(command, files),
            Command::Lab(command) => self.send_lab(command),
            Command::Storage(StorageCommand::Measure) => self.shared.say([StorageReply::Size {
                bytes: Some(98_362_432),
            }]),
            Command::Storage(StorageCommand::Clear) => {
                self.shared.say([StorageReply::Size { bytes: Some(0) }])
            }
            Command::Window(WindowCommand::ChooseModel { folder }) => {
                let path = if folder {
                    "/models/folder"
                } else {
                    "/models/file.gguf"
                };
                self.shared.say([WindowReply::Open { path: path.into() }]);
            }
            Command::Window(WindowCommand::ClearRecent) => {
                self.shared.say([WindowReply::Platform {
                    platform: Platform::default(),
                }])
            }
        }
    }

    fn restart(&self) {
        self.shared.queue.borrow_mut().clear();
        self.shared.say([EngineReply::Ready]);
    }
}

impl MockClient {
    fn send_engine(&self, command: EngineCommand, files: &[PageFile]) {
        match command {
            EngineCommand::Probe { options } => self.shared.say([match options.backend {
                BackendChoice::Wgpu => EngineReply::ProbeFailed {
                    error: "no graphics adapter: the browser offers none".into(),
                },
                choice => EngineReply::Probed {
                    backend: backend(choice),
                },
            }]),
            EngineCommand::Load { options, .. } => {
                if files.iter().any(|file| file.path.contains("bad")) {
                    let error = "bad.gguf: byte 0: the magic is 0x00000000, not GGUF".into();
                    return self.shared.say([EngineReply::LoadFailed { error }]);
                }
                let step = |phase, done, total| EngineReply::Progress {
                    progress: LoadProgress { phase, done, total },
                };
                let info = Box::new(info(options.backend));
                let mut replies = Vec::new();
                for done in 0..=20 {
                    replies.push(step(LoadPhase::Download, done * 4_918_121, 98_362_432));
                }
                replies.push(step(LoadPhase::Parse, 2, 2));
                let memory = info.memory;
                replies.push(EngineReply::Planned { memory });
                for done in 0..=20 {
                    replies.push(step(LoadPhase::Upload, done * 4_918_121, 98_362_432));
                }
                replies.push(step(LoadPhase::Compile, 1, 2));
                replies.push(EngineReply::Loaded { info });
                self.shared.say(replies);
            }
            EngineCommand::Submit { tag, request } => self.shared.answer(tag, &request),
            EngineCommand::Abort { tag } => {
                if self.shared.busy.borrow().is_some_and(|busy| busy == tag) {
                    self.shared.queue.borrow_mut().clear();
                    self.shared.say([done(tag, FinishReason::Abort, 3)]);
                }
            }
            EngineCommand::ClearCache => {}
            EngineCommand::SetStub { .. } => {
                self.shared.say([EngineReply::StubSet { error: None }])
            }
        }
    }

    fn send_lab(&self, command: LabCommand) {
        match command {
            LabCommand::Run { spec } => self.shared.lab(&spec),
            LabCommand::Stop => {
                if self.shared.is_in_lab() {
                    self.shared.queue.borrow_mut().clear();
                    self.shared.say([LabReply::Ended(LabEnd::Stopped)]);
                }
            }
            LabCommand::Measure { tag, job } => self.shared.measure(tag, job),
            LabCommand::Bench { settings } => self.shared.bench(&settings),
            LabCommand::StopBench => {
                self.shared.queue.borrow_mut().clear();
                let error = "It was stopped.".into();
                self.shared.say([LabReply::BenchFailed { error }]);
            }
        }
    }
}

impl Shared {
    fn say(self: &Rc<Self>, replies: impl IntoIterator<Item = impl Into<Reply>>) {
        let idle = self.queue.borrow().is_empty();
        let replies = replies.into_iter().map(Into::into);
        self.queue.borrow_mut().extend(replies);
        if idle {
            self.next();
        }
    }

    fn next(self: &Rc<Self>) {
        let this = self.clone();
        let wait = match self.queue.borrow().front() {
            Some(
                Reply::Engine(EngineReply::Event { .. } | EngineReply::Progress { .. })
                | Reply::Lab(LabReply::BenchProgress { .. } | LabReply::Progress { .. }),
            ) => self.step_ms,
            Some(_) => 0,
            None => return,
        };
        set_timeout(
            move || {
                let reply = this.queue.borrow_mut().pop_front();
                if let Some(reply) = reply {
                    (this.listener)(reply);
                }
                this.next();
            },
            Duration::from_millis(wait),
        );
    }

    fn bench(self: &Rc<Self>, settings: &Settings) {
        let info = info(BackendChoice::Flex);
        let mut settings = settings.clone();
        settings.context_length = info.context_length;
        if let Err(error) = settings.check() {
            let error = error.to_string();
            return self.say([LabReply::BenchFailed { error }]);
        }
        let tokens = settings.gen_tokens as u32;
        let mut replies = Vec::new();
        let mut records = Vec::new();
        for run in 0..settings.repeat {
            let mut record = Record::default();
            for token in 0..tokens {
                let (kind, wall) = if token == 0 {
                    (StepKind::Prefill, 155.0)
                } else {
                    (StepKind::Decode, 24.0)
                };
                record.steps.push(timing(kind, 1, token, wall));
                record.ids.push(token);
                let progress = Progress {
                    what: format!("run {}/{}", run + 1, settings.repeat),
                    done: run * settings.gen_tokens + token as usize + 1,
                    total: settings.repeat * settings.gen_tokens,
                };
                replies.push(LabReply::BenchProgress { progress });
            }
            records.push(record);
        }
        let positions = settings.positions.iter().map(|position| AtPosition {
            position: *position,
            tpot_ms: Quantiles {
                p50: *position as f64 / 10.0,
                p95: *position as f64 / 5.0,
            },
        });
        let positions = positions.collect();
        let mut report = BenchReport::new(&info, info.name.clone(), settings, &records);
        report.positions = positions;
        let report = Box::new(report);
        replies.push(LabReply::BenchDone { report });
        self.say(replies);
    }

    /// Replies with mock progress and then a mock result.
    fn lab(self: &Rc<Self>, spec: &Spec) {
        if spec.experiment != Experiment::Stats {
            let error = "bare can\u{2019}t be measured here: it is made up".into();
            return self.say([LabReply::Ended(LabEnd::Failed { error })]);
        }
        let mut replies = Vec::new();
        for done in 1..=spec.settings.rows.max(4) {
            replies.push(LabReply::Progress {
                progress: LabProgress {
                    what: format!("row {done}"),
                    done,
                    total: spec.settings.rows,
                    point: None,
                },
                points: vec![Point {
                    series: "rows".into(),
                    x: done as f64,
                    y: 2.0,
                }],
            });
        }
        let lengths = vec![(7, Some(3)); spec.settings.rows.max(1)];
        let data = Data::Stats(StatsData::of_lengths("made up".into(), lengths));
        let made_up = info(BackendChoice::Flex);
        let machine = Machine::of(&made_up, &made_up.name);
        let result = LabResult::now(Some(machine), spec.settings.seed, data);
        replies.push(LabReply::Ended(LabEnd::Done {
            result: Box::new(result),
            records: Vec::new(),
        }));
        self.say(replies);
    }

    fn is_in_lab(&self) -> bool {
        let queue = self.queue.borrow();
        let of_lab = |reply: &Reply| {
            let Reply::Lab(reply) = reply else {
                return false;
            };
            matches!(reply, LabReply::Progress { .. } | LabReply::Ended(_))
        };
        queue.iter().any(of_lab)
    }

    fn measure(self: &Rc<Self>, tag: Tag, job: Job) {
        let (tokens, reports_tokens) = match &job {
            Job::Encode { .. } => (3, false),
            Job::Bare {
                tokens,
                reports_tokens,
                ..
            } => (*tokens, *reports_tokens),
            Job::Text { tokens, .. } => (*tokens, true),
            Job::Alone { request } => (request.max_tokens.unwrap_or(1), false),
        };
        // Token ids as in answers.
        let ids: Vec<u32> = (0..tokens)
            .map(|index| (index * 31 % 49152) as u32)
            .collect();
        let mut replies = Vec::new();
        if reports_tokens {
            replies.extend(ids.iter().map(|id| LabReply::Sampled { tag, id: *id }));
        }
        let measured = Measured {
            ids,
            first_ms: 1.0,
            ms: tokens as f64,
            ..Measured::default()
        };
        let outcome = Ok(Box::new(measured));
        replies.push(LabReply::Measured { tag, outcome });
        self.say(replies);
    }

    fn answer(self: &Rc<Self>, tag: Tag, request: &Request) {
        self.busy.replace(Some(tag));
        let prompt = match &request.input {
            Input::Messages(messages) => messages
                .last()
                .map(|m| m.content.clone())
                .unwrap_or_default(),
            _ => String::new(),
        };
        if prompt.contains("crash") {
            return self.say([EngineReply::Crashed {
                message: "panicked at 'device lost'".into(),
            }]);
        }
        let id = RequestId(tag);
        let exactly = request.max_tokens.filter(|_| request.ignore_eos);
        let mut spans = Spans::default();
        spans.add(Span::Template, 0.3);
        spans.add(Span::Tokenize, 0.4);
        let event = |event| EngineReply::Event { tag, event };
        let mut replies = vec![
            event(Event::Queued { request: id }),
            event(Event::Started {
                request: id,
                prompt_tokens: 70,
                reused_tokens: if exactly.is_some() { 0 } else { 6 },
                timing: RequestTiming {
                    spans,
                    clock: CLOCK,
                },
            }),
            event(Event::Prefill {
                request: id,
                done_tokens: 38,
                prompt_tokens: 70,
                timing: timing(StepKind::Prefill, 32, 6, 160.0),
            }),
        ];
        let repeat = if prompt.contains("long") { 40 } else { 1 };
        let (answer, repeat) = match prompt.contains("endlessly") {
            true => ("over and ", 200),
            false => (ANSWER, repeat),
        };
        let pieces: Vec<&str> = answer.split_inclusive(' ').collect();
        let count = exactly.unwrap_or(pieces.len() * repeat);
        for (index, text) in pieces.iter().cycle().take(count).enumerate() {
            let kind = if index == 0 {
                StepKind::Prefill
            } else {
                StepKind::Decode
            };
            let wall =
                24.0 + ((index * 7919) % 13) as f64 + if index % 37 == 36 { 30.0 } else { 0.0 };
            let tokens = if index == 0 { 32 } else { 1 };
            let wall = if index == 0 { 155.0 } else { wall };
            replies.push(event(Event::Token {
                request: id,
                id: (index * 31 % 49152) as u32,
                text: (*text).into(),
                logprobs: None,
                timing: timing(kind, tokens, 38 + index as u32, wall),
            }));
        }
        replies.push(done(tag, FinishReason::Stop, count));
        self.say(replies);
    }
}

fn done(tag: Tag, finish_reason: FinishReason, completion_tokens: usize) -> EngineReply {
    EngineReply::Event {
        tag,
        event: Event::Done {
            request: RequestId(tag),
            text: String::new(),
            usage: Usage {
                prompt_tokens: 70,
                reused_tokens: 6,
                completion_tokens,
            },
            finish_reason,
        },
    }
}

fn timing(kind: StepKind, tokens: u32, position: u32, wall_ms: f64) -> StepTiming {
    let mut spans = Spans::default();
    for (span, share) in [
        (Span::Plan, 0.01),
        (Span::Upload, 0.05),
        (Span::Encode, 0.22),
        (Span::Submit, 0.03),
        (Span::Gpu, 0.47),
        (Span::Sample, 0.04),
        (Span::Readback, 0.09),
        (Span::Detokenize, 0.03),
        (Span::Emit, 0.03),
    ] {
        spans.add(span, wall_ms * share);
    }
    StepTiming {
        kind,
        tokens,
        position,
        start_ms: f64::from(position) * 30.0,
        wall_ms,
        spans,
        clock: CLOCK,
        device: None,
    }
}

fn backend(choice: BackendChoice) -> BackendInfo {
    BackendInfo {
        backend: Backend::Flex,
        api: "CPU".into(),
        adapter: "burn-flex, wasm SIMD".into(),
        driver: String::new(),
        software: true,
        features: Vec::new(),
        limits: Vec::new(),
        fallback_reason: (choice == BackendChoice::Auto)
            .then(|| "no graphics adapter: the browser offers none".into()),
    }
}

fn info(choice: BackendChoice) -> ModelInfo {
    ModelInfo {
        name: "Mock 135M Instruct".into(),
        format: "GGUF v3".into(),
        quantisation: "Q4_1".into(),
        config: ModelConfig {
            name: None,
            vocab_size: 49152,
            hidden_size: 576,
            n_layers: 30,
            n_heads: 9,
            n_kv_heads: 3,
            head_dim: 64,
            ffn_size: 1536,
            context_length: 2048,
            rms_eps: 1e-5,
            rope: RopeConfig {
                theta: 10000.0,
                scaling: RopeScaling::None,
                layout: RopeLayout::Halves,
            },
            tied: true,
            attention_bias: false,
            mlp_bias: false,
            bos_id: None,
            eos_ids: vec![2],
        },
        parameters: 134_515_008,
        file_bytes: 98_362_432,
        tensor_types: vec![TypeCount {
            name: "Q4_1".into(),
            tensors: 211,
            bytes: 98_000_000,
        }],
        context_length: 2048,
        prefill_chunk: 32,
        batch: 1,
        kv_positions: 4096,
        has_chat_template: true,
        backend: backend(choice),
        path: ForwardPath::Reference,
        variant: None,
        stub: llamaglass_types::StubLevel::Whole,
        memory: MemoryLedger {
            weights: 538_060_032,
            looked_up: 0,
            kv_cache: 94_371_840,
            activations: 12_000_000,
        },
        load: LoadTiming::default(),
    }
}
