//! The driver of a page's engine: commands of the page in, replies out.

mod experiments;
mod host;
mod load;
#[cfg(test)]
mod tests;

use futures::channel::mpsc::UnboundedReceiver;
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, probe};
use llamaglass_lab::{StubLevel, stub_answer};
use llamaglass_runner::bench::Bench;
use llamaglass_runner::decorators::set_stub;
use llamaglass_session::lab::LabEnd;
use llamaglass_session::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, StorageCommand, StorageReply, Tag,
    WindowReply,
};

use crate::drive::{Driver, Requests, drive};
pub use host::{Host, Incoming, ModelFiles};
use load::{PROGRESS_INTERVAL_MS, load};

/// Error for commands that need a loaded model.
const NO_MODEL: &str = "no model is loaded";

/// Sends [`EngineReply::Ready`] and handles commands until all senders are gone.
pub async fn run<H: Host>(host: &H, inbox: UnboundedReceiver<Incoming<H::Files>>) {
    let mut driver = PageDriver {
        host,
        watch: Stopwatch::start(),
        engine: None,
        stub: StubLevel::default(),
        requests: Requests::default(),
        bench: None,
        progress_at_ms: 0.0,
    };
    host.send(EngineReply::Ready);
    drive(&mut driver, inbox).await;
}

struct PageDriver<'a, H> {
    host: &'a H,
    watch: Stopwatch,
    engine: Option<Engine>,
    /// Stub level at which the engine answers.
    stub: StubLevel,
    requests: Requests<Tag>,
    bench: Option<Bench>,
    /// Time of the last benchmark progress reply, in milliseconds of `watch`.
    progress_at_ms: f64,
}

impl<H: Host> Driver for PageDriver<'_, H> {
    type Command = Incoming<H::Files>;

    fn is_idle(&self) -> bool {
        self.bench.is_none() && self.engine.as_ref().is_none_or(Engine::is_idle)
    }

    async fn handle(
        &mut self,
        incoming: Self::Command,
        inbox: &mut UnboundedReceiver<Self::Command>,
    ) {
        let Incoming { command, files } = incoming;
        let Command::Lab(LabCommand::Run { spec }) = *command else {
            return self.handle_now(*command, files).await;
        };
        let idle = self.is_idle();
        let Some(engine) = self.engine.as_mut().filter(|_| idle) else {
            let error = if idle { NO_MODEL } else { "the engine is busy" };
            let error = error.into();
            return self.host.send(LabReply::Ended(LabEnd::Failed { error }));
        };
        let deferred = experiments::run(self.host, (engine, self.stub), &spec, inbox).await;
        for Incoming { command, files } in deferred {
            self.handle_now(*command, files).await;
        }
    }

    async fn step(&mut self) {
        if self.bench.is_some() {
            return self.step_bench().await;
        }
        if let Some(engine) = &mut self.engine {
            let send = |tag: &mut Tag, event| {
                let event = Box::new(event);
                self.host.send(EngineReply::Event { tag: *tag, event });
                true
            };
            self.requests.step(engine, send).await;
        }
    }

    async fn yield_now(&self) {
        self.host.yield_now().await;
    }
}

impl<H: Host> PageDriver<'_, H> {
    /// Runs one step of the benchmark.
    async fn step_bench(&mut self) {
        let (Some(engine), Some(bench)) = (&mut self.engine, &mut self.bench) else {
            return;
        };
        let before = bench.progress().what.clone();
        match bench.step(engine).await {
            Ok(true) => {
                let (progress, at) = (bench.progress(), self.watch.ms());
                if progress.what != before || at - self.progress_at_ms >= PROGRESS_INTERVAL_MS {
                    self.progress_at_ms = at;
                    let progress = progress.clone();
                    self.host.send(LabReply::BenchProgress { progress });
                }
            }
            Ok(false) => {
                if let Some(bench) = self.bench.take() {
                    let report = bench.report(engine, self.stub, engine.info().name.clone());
                    let report = Box::new(report);
                    self.host.send(LabReply::BenchDone { report });
                }
            }
            Err(error) => self.stop_bench(&error.to_string()),
        }
    }

    fn stop_bench(&mut self, why: &str) {
        if let Some(bench) = self.bench.take() {
            if let Some(engine) = &mut self.engine {
                bench.stop(engine);
            }
            let error = why.to_owned();
            self.host.send(LabReply::BenchFailed { error });
        }
    }

    /// Handles a command that does not wait for other commands.
    async fn handle_now(&mut self, command: Command, files: H::Files) {
        match command {
            Command::Engine(command) => self.handle_engine(command, files).await,
            Command::Lab(command) => self.handle_lab(command).await,
            Command::Storage(command) => self.handle_storage(command).await,
            // The program around the page handles these and does not pass them on.
            Command::Window(_) => {}
        }
    }

    async fn handle_storage(&self, command: StorageCommand) {
        if command == StorageCommand::Clear
            && let Err(why) = self.host.delete_stored().await
        {
            self.host.send(WindowReply::Notice {
                text: format!("The stored models can't be deleted: {why}"),
            });
        }
        let bytes = self.host.stored_bytes().await;
        self.host.send(StorageReply::Size { bytes });
    }

    async fn handle_engine(&mut self, command: EngineCommand, files: H::Files) {
        match command {
            EngineCommand::Probe { options } => self.host.send(match probe(&options).await {
                Ok(backend) => EngineReply::Probed { backend },
                Err(error) => EngineReply::ProbeFailed {
                    error: error.to_string(),
                },
            }),
            EngineCommand::Load {
                source,
                options,
                stub,
            } => {
                // Free the old model's memory before the new one is loaded.
                self.stop_bench("another model is loaded");
                self.engine = None;
                self.requests.clear();
                match load(self.host, source, files, (&options, stub)).await {
                    Ok(loaded) => {
                        self.engine = Some(loaded);
                        self.stub = stub;
                    }
                    Err(error) => self.host.send(EngineReply::LoadFailed { error }),
                }
            }
            EngineCommand::Submit { tag, request } => self.submit(tag, request),
            EngineCommand::Abort { tag } => {
                let request = self.requests.find(|of_request| *of_request == tag);
                if let (Some(engine), Some(request)) = (&mut self.engine, request) {
                    engine.abort(request);
                }
            }
            EngineCommand::SetStub { level } => {
                let set = match &mut self.engine {
                    Some(engine) => set_stub(engine, self.stub, level)
                        .map(|()| self.stub = level)
                        .map_err(|error| error.to_string()),
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
            let event = Box::new(event);
            return self.host.send(EngineReply::Event { tag, event });
        };
        if self.stub == StubLevel::Message {
            let context = engine.info().context_length;
            for event in stub_answer(RequestId(tag), &request, context) {
                let event = Box::new(event);
                self.host.send(EngineReply::Event { tag, event });
            }
            return;
        }
        self.requests.add(engine.submit(request), tag);
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
            LabCommand::StopBench => self.stop_bench("It was stopped."),
            // `handle` handles `Run`, and `Stop` only matters while an experiment runs.
            LabCommand::Run { .. } | LabCommand::Stop => {}
            LabCommand::Measure { tag, job } => {
                let measured = match &mut self.engine {
                    Some(engine) => experiments::measure(self.host, engine, tag, job).await,
                    None => Err(NO_MODEL.into()),
                };
                let outcome = measured.map(Box::new).map_err(|error| error.to_string());
                self.host.send(LabReply::Measured { tag, outcome });
            }
        }
    }
}
