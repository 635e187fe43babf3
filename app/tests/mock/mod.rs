//! A mock engine, to test the page without a real one and to look at it (feature `mock`, which never ships).

mod answer;
mod model;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use llamaglass_lab::bench::{AtPosition, BenchReport, Progress, Settings};
use llamaglass_lab::experiments::lengths::StatsData;
use llamaglass_lab::{Data, Experiment, LabResult, Machine, Point, Progress as LabProgress};
use llamaglass_types::event::FinishReason;
use llamaglass_types::stats::{Quantiles, Record};
use llamaglass_types::timing::StepKind;
use llamaglass_types::{BackendChoice, LoadOptions, LoadPhase, LoadProgress, Request};

use llamaglass_app::client::{Client, Listener, PageFile};
use llamaglass_app::lab::{Job, LabEnd, Measured, Spec};
use llamaglass_app::platform::Platform;
use llamaglass_app::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, Reply, StorageCommand, StorageReply,
    Tag, WindowCommand, WindowReply,
};

use answer::{done, timing, token_id};
use model::{backend, info};

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
        shared.reply([EngineReply::Ready]);
        Self { shared }
    }
}

impl Client for MockClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        let shared = &self.shared;
        match command.clone() {
            Command::Engine(command) => self.send_engine(command, files),
            Command::Lab(command) => self.send_lab(command),
            Command::Storage(StorageCommand::Measure) => {
                let bytes = Some(98_362_432);
                shared.reply([StorageReply::Size { bytes }]);
            }
            Command::Storage(StorageCommand::Clear) => {
                shared.reply([StorageReply::Size { bytes: Some(0) }]);
            }
            Command::Window(WindowCommand::ChooseModel { folder }) => {
                let path = match folder {
                    true => "/models/folder",
                    false => "/models/file.gguf",
                };
                shared.reply([WindowReply::Open { path: path.into() }]);
            }
            Command::Window(WindowCommand::ClearRecent) => {
                let platform = Platform::default();
                shared.reply([WindowReply::Platform { platform }]);
            }
        }
    }

    fn restart(&self) {
        self.shared.queue.borrow_mut().clear();
        self.shared.reply([EngineReply::Ready]);
    }
}

impl MockClient {
    fn send_engine(&self, command: EngineCommand, files: &[PageFile]) {
        let shared = &self.shared;
        match command {
            EngineCommand::Probe { options } => shared.reply([match options.backend {
                BackendChoice::Wgpu => EngineReply::ProbeFailed {
                    error: "no graphics adapter: the browser offers none".into(),
                },
                choice => EngineReply::Probed {
                    backend: backend(choice),
                },
            }]),
            EngineCommand::Load { options, .. } => shared.load(&options, files),
            EngineCommand::Submit { tag, request } => shared.answer(tag, &request),
            EngineCommand::Abort { tag } => {
                if shared.busy.borrow().is_some_and(|busy| busy == tag) {
                    shared.queue.borrow_mut().clear();
                    shared.reply([done(tag, FinishReason::Abort, 3)]);
                }
            }
            EngineCommand::ClearCache => {}
            EngineCommand::SetStub { .. } => shared.reply([EngineReply::StubSet { error: None }]),
        }
    }

    fn send_lab(&self, command: LabCommand) {
        let shared = &self.shared;
        match command {
            LabCommand::Run { spec } => shared.lab(&spec),
            LabCommand::Stop => {
                if shared.is_in_lab() {
                    shared.queue.borrow_mut().clear();
                    shared.reply([LabReply::Ended(LabEnd::Stopped)]);
                }
            }
            LabCommand::Measure { tag, job } => shared.measure(tag, job),
            LabCommand::Bench { settings } => shared.bench(&settings),
            LabCommand::StopBench => {
                shared.queue.borrow_mut().clear();
                let error = "Stopped.".into();
                shared.reply([LabReply::BenchFailed { error }]);
            }
        }
    }
}

impl Shared {
    fn reply(self: &Rc<Self>, replies: impl IntoIterator<Item = impl Into<Reply>>) {
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

    fn load(self: &Rc<Self>, options: &LoadOptions, files: &[PageFile]) {
        if files.iter().any(|file| file.path.contains("bad")) {
            let error = "bad.gguf: byte 0: the magic is 0x00000000, not GGUF".into();
            return self.reply([EngineReply::LoadFailed { error }]);
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
        self.reply(replies);
    }

    fn bench(self: &Rc<Self>, settings: &Settings) {
        let info = info(BackendChoice::Cpu);
        let mut settings = settings.clone();
        settings.context_length = info.context_length;
        if let Err(error) = settings.check() {
            let error = error.to_string();
            return self.reply([LabReply::BenchFailed { error }]);
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
        self.reply(replies);
    }

    /// Replies with mock progress and then a mock result.
    fn lab(self: &Rc<Self>, spec: &Spec) {
        if spec.experiment != Experiment::Stats {
            let error = "the mock engine can\u{2019}t run this experiment".into();
            return self.reply([LabReply::Ended(LabEnd::Failed { error })]);
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
        let data = Data::Stats(StatsData::of_lengths("mock".into(), lengths));
        let model = info(BackendChoice::Cpu);
        let machine = Machine::of(&model, &model.name);
        let result = LabResult::now(Some(machine), spec.settings.seed, data);
        replies.push(LabReply::Ended(LabEnd::Done {
            result: Box::new(result),
            records: Vec::new(),
        }));
        self.reply(replies);
    }

    fn is_in_lab(&self) -> bool {
        let queue = self.queue.borrow();
        let is_of_lab = |reply: &Reply| {
            let Reply::Lab(reply) = reply else {
                return false;
            };
            matches!(reply, LabReply::Progress { .. } | LabReply::Ended(_))
        };
        queue.iter().any(is_of_lab)
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
        let ids: Vec<u32> = (0..tokens).map(token_id).collect();
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
        self.reply(replies);
    }

    fn answer(self: &Rc<Self>, tag: Tag, request: &Request) {
        self.busy.replace(Some(tag));
        if answer::prompt(request).contains("crash") {
            return self.reply([EngineReply::Crashed {
                message: "panicked at 'device lost'".into(),
            }]);
        }
        self.reply(answer::answer(tag, request));
    }
}
