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
use llamaglass_app::protocol::{Command, Reply, Tag};

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
        shared.reply([Reply::Ready]);
        Self { shared }
    }
}

impl Client for MockClient {
    fn send(&self, command: &Command, files: &[PageFile]) {
        match command.clone() {
            Command::Probe { options } => self.shared.reply([match options.backend {
                BackendChoice::Wgpu => Reply::ProbeFailed {
                    error: "no graphics adapter: the browser offers none".into(),
                },
                choice => Reply::Probed {
                    backend: backend(choice),
                },
            }]),
            Command::Load { options, .. } => self.shared.load(&options, files),
            Command::Submit { tag, request } => self.shared.answer(tag, &request),
            Command::Abort { tag } => {
                if self.shared.busy.borrow().is_some_and(|busy| busy == tag) {
                    self.shared.queue.borrow_mut().clear();
                    self.shared.reply([done(tag, FinishReason::Abort, 3)]);
                }
            }
            Command::StoredModels => self.shared.reply([Reply::StoredModels {
                bytes: Some(98_362_432),
            }]),
            Command::DeleteStoredModels => {
                self.shared.reply([Reply::StoredModels { bytes: Some(0) }])
            }
            Command::ClearCache => {}
            Command::ChooseModel { folder } => {
                let path = if folder {
                    "/models/folder"
                } else {
                    "/models/file.gguf"
                };
                self.shared.reply([Reply::Open { path: path.into() }]);
            }
            Command::ForgetRecent => self.shared.reply([Reply::Platform {
                platform: Platform::default(),
            }]),
            Command::Lab { spec } => self.shared.lab(&spec),
            Command::StopLab => {
                if self.shared.is_in_lab() {
                    self.shared.queue.borrow_mut().clear();
                    self.shared.reply([Reply::LabEnded(LabEnd::Stopped)]);
                }
            }
            Command::Measure { tag, job } => self.shared.measure(tag, job),
            Command::SetStub { .. } => self.shared.reply([Reply::StubSet { error: None }]),
            Command::Bench { settings } => self.shared.bench(&settings),
            Command::StopBench => {
                self.shared.queue.borrow_mut().clear();
                let error = "Stopped.".into();
                self.shared.reply([Reply::BenchFailed { error }]);
            }
        }
    }

    fn restart(&self) {
        self.shared.queue.borrow_mut().clear();
        self.shared.reply([Reply::Ready]);
    }
}

impl Shared {
    fn reply(self: &Rc<Self>, replies: impl IntoIterator<Item = Reply>) {
        let idle = self.queue.borrow().is_empty();
        self.queue.borrow_mut().extend(replies);
        if idle {
            self.next();
        }
    }

    fn next(self: &Rc<Self>) {
        let this = self.clone();
        let wait = match self.queue.borrow().front() {
            Some(
                Reply::Event { .. }
                | Reply::Progress { .. }
                | Reply::BenchProgress { .. }
                | Reply::LabProgress { .. },
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
            return self.reply([Reply::LoadFailed { error }]);
        }
        let step = |phase, done, total| Reply::Progress {
            progress: LoadProgress { phase, done, total },
        };
        let info = Box::new(info(options.backend));
        let mut replies = Vec::new();
        for done in 0..=20 {
            replies.push(step(LoadPhase::Download, done * 4_918_121, 98_362_432));
        }
        replies.push(step(LoadPhase::Parse, 2, 2));
        let memory = info.memory;
        replies.push(Reply::Planned { memory });
        for done in 0..=20 {
            replies.push(step(LoadPhase::Upload, done * 4_918_121, 98_362_432));
        }
        replies.push(step(LoadPhase::Compile, 1, 2));
        replies.push(Reply::Loaded { info });
        self.reply(replies);
    }

    fn bench(self: &Rc<Self>, settings: &Settings) {
        let info = info(BackendChoice::Flex);
        let mut settings = settings.clone();
        settings.context_length = info.context_length;
        if let Err(error) = settings.check() {
            let error = error.to_string();
            return self.reply([Reply::BenchFailed { error }]);
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
                replies.push(Reply::BenchProgress { progress });
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
        replies.push(Reply::BenchDone { report });
        self.reply(replies);
    }

    /// Replies with mock progress and then a mock result.
    fn lab(self: &Rc<Self>, spec: &Spec) {
        if spec.experiment != Experiment::Stats {
            let error = "the mock engine can\u{2019}t run this experiment".into();
            return self.reply([Reply::LabEnded(LabEnd::Failed { error })]);
        }
        let mut replies = Vec::new();
        for done in 1..=spec.settings.rows.max(4) {
            replies.push(Reply::LabProgress {
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
        let model = info(BackendChoice::Flex);
        let machine = Machine::of(&model, &model.name);
        let result = LabResult::now(Some(machine), spec.settings.seed, data);
        replies.push(Reply::LabEnded(LabEnd::Done {
            result: Box::new(result),
            records: Vec::new(),
        }));
        self.reply(replies);
    }

    fn is_in_lab(&self) -> bool {
        let queue = self.queue.borrow();
        let is_of_lab =
            |reply: &Reply| matches!(reply, Reply::LabProgress { .. } | Reply::LabEnded(_));
        queue.iter().any(is_of_lab)
    }

    fn measure(self: &Rc<Self>, tag: Tag, job: Job) {
        let (tokens, reports_tokens) = match &job {
            Job::Encode { .. } => (3, false),
            Job::Bare { tokens, told, .. } => (*tokens, *told),
            Job::Text { tokens, .. } => (*tokens, true),
            Job::Alone { request } => (request.max_tokens.unwrap_or(1), false),
        };
        let ids: Vec<u32> = (0..tokens).map(token_id).collect();
        let mut replies = Vec::new();
        if reports_tokens {
            replies.extend(ids.iter().map(|id| Reply::Picked { tag, id: *id }));
        }
        let measured = Measured {
            ids,
            first_ms: 1.0,
            ms: tokens as f64,
            ..Measured::default()
        };
        let outcome = Ok(Box::new(measured));
        replies.push(Reply::Measured { tag, outcome });
        self.reply(replies);
    }

    fn answer(self: &Rc<Self>, tag: Tag, request: &Request) {
        self.busy.replace(Some(tag));
        if answer::prompt(request).contains("crash") {
            return self.reply([Reply::Crashed {
                message: "panicked at 'device lost'".into(),
            }]);
        }
        self.reply(answer::answer(tag, request));
    }
}
