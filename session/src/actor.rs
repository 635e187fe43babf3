//! The task that owns the engine: handles all waiting commands, then runs one step, in a loop.

use std::collections::{HashMap, VecDeque};

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt};
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, StubLevel, probe, stub_answer};
use llamaglass_runner::bench::Bench;

use crate::experiments;
use crate::host::{Host, Incoming};
use crate::lab::{LabEnd, Spec};
use crate::load::{PROGRESS_EVERY_MS, load};
use crate::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, StorageCommand, StorageReply, Tag,
    WindowReply,
};

/// Error for commands that need a loaded model.
const NO_MODEL: &str = "no model is loaded";

/// Sends [`EngineReply::Ready`] and handles commands until all senders are gone.
pub async fn run<H: Host>(host: &H, mut inbox: UnboundedReceiver<Incoming<H::Files>>) {
    let mut actor = Actor::new(host);
    host.send(EngineReply::Ready);
    // Commands that arrived during an experiment and have to wait for its end.
    let mut later = VecDeque::new();
    loop {
        let next = if let Some(incoming) = later.pop_front() {
            Some(incoming)
        } else if actor.is_idle() {
            match inbox.next().await {
                Some(incoming) => Some(incoming),
                None => return,
            }
        } else {
            match inbox.next().now_or_never() {
                Some(None) => return,
                waiting => waiting.flatten(),
            }
        };
        match next {
            Some(Incoming { command, files }) => match *command {
                Command::Lab(LabCommand::Run { spec }) => {
                    later.extend(actor.lab(*spec, &mut inbox).await)
                }
                command => actor.handle(command, files).await,
            },
            None => {
                actor.step().await;
                host.yield_now().await;
            }
        }
    }
}

struct Actor<'a, H> {
    host: &'a H,
    watch: Stopwatch,
    engine: Option<Engine>,
    tags: HashMap<RequestId, Tag>,
    bench: Option<Bench>,
    /// Time of the last benchmark progress reply, in milliseconds of `watch`.
    told_bench: f64,
}

impl<'a, H: Host> Actor<'a, H> {
    fn new(host: &'a H) -> Self {
        Self {
            host,
            watch: Stopwatch::start(),
            engine: None,
            tags: HashMap::new(),
            bench: None,
            told_bench: 0.0,
        }
    }

    fn is_idle(&self) -> bool {
        self.bench.is_none() && self.engine.as_ref().is_none_or(Engine::is_idle)
    }

    /// Drops the model and everything that was requested of it.
    fn forget(&mut self, why: &str) {
        self.give_bench_up(why);
        self.engine = None;
        self.tags.clear();
    }

    /// Runs one step of the benchmark.
    async fn bench(&mut self) {
        let (Some(engine), Some(bench)) = (&mut self.engine, &mut self.bench) else {
            return;
        };
        let what = bench.progress().what.clone();
        match bench.step(engine).await {
            Ok(true) => {
                let (progress, at) = (bench.progress(), self.watch.ms());
                if progress.what != what || at - self.told_bench >= PROGRESS_EVERY_MS {
                    self.told_bench = at;
                    let progress = progress.clone();
                    self.host.send(LabReply::BenchProgress { progress });
                }
            }
            Ok(false) => {
                if let Some(bench) = self.bench.take() {
                    let report = Box::new(bench.report(engine, engine.info().name.clone()));
                    self.host.send(LabReply::BenchDone { report });
                }
            }
            Err(error) => self.give_bench_up(&error.to_string()),
        }
    }

    fn give_bench_up(&mut self, why: &str) {
        if let Some(bench) = self.bench.take() {
            if let Some(engine) = &mut self.engine {
                bench.stop(engine);
            }
            let error = why.to_owned();
            self.host.send(LabReply::BenchFailed { error });
        }
    }

    async fn step(&mut self) {
        if self.bench.is_some() {
            return self.bench().await;
        }
        let Some(engine) = &mut self.engine else {
            return;
        };
        for event in engine.step().await {
            let request = event.request();
            if let Some(&tag) = self.tags.get(&request) {
                if event.is_last() {
                    self.tags.remove(&request);
                }
                self.host.send(EngineReply::Event { tag, event });
            }
        }
    }

    /// Runs an experiment to its end. Returns the commands that arrived meanwhile and still have to be handled.
    async fn lab(
        &mut self,
        spec: Spec,
        inbox: &mut UnboundedReceiver<Incoming<H::Files>>,
    ) -> Vec<Incoming<H::Files>> {
        let idle = self.is_idle();
        let Some(engine) = self.engine.as_mut().filter(|_| idle) else {
            let error = match idle {
                true => NO_MODEL,
                false => "the engine is busy",
            };
            self.host.send(LabReply::Ended(LabEnd::Failed {
                error: error.into(),
            }));
            return Vec::new();
        };
        experiments::run(self.host, engine, spec, inbox).await
    }

    async fn handle(&mut self, command: Command, files: H::Files) {
        match command {
            Command::Engine(command) => self.handle_engine(command, files).await,
            Command::Lab(command) => self.handle_lab(command).await,
            Command::Storage(command) => {
                if command == StorageCommand::Clear
                    && let Err(why) = self.host.delete_stored().await
                {
                    self.host.send(WindowReply::Notice {
                        text: format!("The stored models can't be deleted: {why}"),
                    });
                }
                let bytes = self.host.stored().await;
                self.host.send(StorageReply::Size { bytes });
            }
            // The program around the page handles these and does not pass them on.
            Command::Window(_) => {}
        }
    }

    async fn handle_engine(&mut self, command: EngineCommand, files: H::Files) {
        match command {
            EngineCommand::Probe { options } => self.host.send(match probe(&options).await {
                Ok(backend) => EngineReply::Probed { backend },
                Err(error) => EngineReply::ProbeFailed {
                    error: error.to_string(),
                },
            }),
            EngineCommand::Load { source, options } => {
                // Free the old model's memory before the new one is loaded.
                self.forget("another model is loaded");
                match load(self.host, source, files, &options).await {
                    Ok(loaded) => self.engine = Some(loaded),
                    Err(error) => self.host.send(EngineReply::LoadFailed { error }),
                }
            }
            EngineCommand::Submit { tag, request } => self.submit(tag, request),
            EngineCommand::Abort { tag } => {
                let request = self.tags.iter().find(|(_, t)| **t == tag);
                if let (Some(engine), Some((&request, _))) = (&mut self.engine, request) {
                    engine.abort(request);
                }
            }
            EngineCommand::SetStub { level } => {
                let set = match &mut self.engine {
                    Some(engine) => engine.set_stub(level).map_err(|error| error.to_string()),
                    None => Err(NO_MODEL.into()),
                };
                self.host.send(EngineReply::StubSet { error: set.err() });
            }
            EngineCommand::ClearCache => {
                if let Some(engine) = &mut self.engine {
                    engine.clear_cache();
                }
            }
        }
    }

    fn submit(&mut self, tag: Tag, request: Request) {
        let Some(engine) = &mut self.engine else {
            let event = Event::Failed {
                fault: Fault::Engine,
                request: RequestId(0),
                error: NO_MODEL.into(),
            };
            return self.host.send(EngineReply::Event { tag, event });
        };
        let info = engine.info();
        if info.stub == StubLevel::Message {
            for event in stub_answer(RequestId(tag), &request, info.context_length) {
                self.host.send(EngineReply::Event { tag, event });
            }
            return;
        }
        self.tags.insert(engine.submit(request), tag);
    }

    async fn handle_lab(&mut self, command: LabCommand) {
        match command {
            LabCommand::Bench { settings } => {
                let bench = match &self.engine {
                    Some(engine) => Bench::new(engine, settings).map_err(|error| error.to_string()),
                    None => Err(NO_MODEL.into()),
                };
                match bench {
                    Ok(bench) => self.bench = Some(bench),
                    Err(error) => self.host.send(LabReply::BenchFailed { error }),
                }
            }
            LabCommand::StopBench => self.give_bench_up("It was stopped."),
            // `run` handles `Run`, and `Stop` only matters while an experiment runs.
            LabCommand::Run { .. } | LabCommand::Stop => {}
            LabCommand::Measure { tag, job } => {
                let outcome = match &mut self.engine {
                    Some(engine) => experiments::measure(self.host, engine, tag, job).await,
                    None => Err(NO_MODEL.into()),
                };
                let outcome = outcome.map(Box::new);
                self.host.send(LabReply::Measured { tag, outcome });
            }
        }
    }
}
