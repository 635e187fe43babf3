//! The one task that owns the engine: commands first, then a step, then the messages again.

use std::collections::{HashMap, VecDeque};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{FutureExt, StreamExt};
use js_sys::Array;
use llamaglass_engine::bench::Bench;
use llamaglass_engine::bytes::{BlobSource, ByteSource};
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::timing::{LoadSpan, LoadTiming};
use llamaglass_engine::weights::Checkpoint;
use llamaglass_engine::{
    Engine, LoadOptions, LoadPhase, LoadProgress, ModelInfo, StubLevel, memory_ledger, probe,
    stub_answer,
};
use wasm_bindgen::prelude::*;
use web_sys::{File, MessageEvent};

use super::download::fetch;
use super::js::{Breath, now, post, property, scope};
use super::lab;
use super::store::{self, Store};
use crate::lab::{LabEnd, Spec};
use crate::protocol::{Command, ModelSource, Reply, Tag};

/// Reports at most this often how a load goes on.
const PROGRESS_EVERY_MS: f64 = 50.0;

pub(super) struct Incoming {
    pub(super) command: Command,
    pub(super) files: Vec<Box<dyn ByteSource>>,
}

/// Listens for commands and starts the task that serves them.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The trap that follows ends this worker; these are its last words.
        post(&Reply::Crashed {
            message: info.to_string(),
        });
    }));
    let (sender, receiver) = unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match read(&event.data()) {
            // Fails only when the task is gone, and then so is the worker.
            Ok(incoming) => drop(sender.unbounded_send(incoming)),
            Err(error) => post(&Reply::Notice {
                text: format!("a command could not be read: {error}"),
            }),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(run(receiver));
    post(&Reply::Ready);
}

fn read(data: &JsValue) -> Result<Incoming, String> {
    let json = property(data, "command")
        .and_then(|command| command.as_string())
        .ok_or("no command in the message")?;
    let command = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let files = property(data, "files").map_or_else(Array::new, |files| Array::from(&files));
    let files = files.iter().filter_map(|entry| {
        let file: File = property(&entry, "file")?.dyn_into().ok()?;
        Some(Box::new(BlobSource::new(file.name(), file.into())) as Box<dyn ByteSource>)
    });
    Ok(Incoming {
        command,
        files: files.collect(),
    })
}

async fn run(mut inbox: UnboundedReceiver<Incoming>) {
    let mut actor = Actor::default();
    let Some(breath) = Breath::new() else {
        return post(&Reply::Crashed {
            message: "this browser has no MessageChannel".into(),
        });
    };
    // What came while an experiment ran, and waits for its end.
    let mut later = VecDeque::new();
    loop {
        let next = if let Some(incoming) = later.pop_front() {
            Some(incoming)
        } else if actor.is_idle() {
            inbox.next().await
        } else {
            inbox.next().now_or_never().flatten()
        };
        match next {
            Some(Incoming {
                command: Command::Lab { spec },
                ..
            }) => later.extend(actor.lab(*spec, &mut inbox, &breath).await),
            Some(incoming) => actor.handle(incoming).await,
            None if actor.is_idle() => return,
            None => {
                actor.step().await;
                breath.take().await;
            }
        }
    }
}

#[derive(Default)]
struct Actor {
    engine: Option<Engine>,
    tags: HashMap<RequestId, Tag>,
    bench: Option<Bench>,
    /// When it was last told how far the benchmark is.
    told_bench: f64,
}

impl Actor {
    fn is_idle(&self) -> bool {
        self.bench.is_none() && self.engine.as_ref().is_none_or(Engine::is_idle)
    }

    /// The benchmark goes on by a step.
    async fn bench(&mut self) {
        let (Some(engine), Some(bench)) = (&mut self.engine, &mut self.bench) else {
            return;
        };
        let what = bench.progress().what.clone();
        match bench.step(engine).await {
            Ok(true) => {
                let (progress, at) = (bench.progress(), now());
                if progress.what != what || at - self.told_bench >= PROGRESS_EVERY_MS {
                    self.told_bench = at;
                    let progress = progress.clone();
                    post(&Reply::BenchProgress { progress });
                }
            }
            Ok(false) => {
                if let Some(bench) = self.bench.take() {
                    let report = Box::new(bench.report(engine, engine.info().name.clone()));
                    post(&Reply::BenchDone { report });
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
            post(&Reply::BenchFailed { error });
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
                post(&Reply::Event { tag, event });
            }
        }
    }

    /// Runs an experiment to its end; gives what came meanwhile and has to be done afterwards.
    async fn lab(
        &mut self,
        spec: Spec,
        inbox: &mut UnboundedReceiver<Incoming>,
        breath: &Breath,
    ) -> Vec<Incoming> {
        let idle = self.is_idle();
        let Some(engine) = self.engine.as_mut().filter(|_| idle) else {
            let error = match idle {
                true => "no model is loaded",
                false => "the engine is busy",
            };
            post(&Reply::LabEnded(LabEnd::Failed {
                error: error.into(),
            }));
            return Vec::new();
        };
        lab::run(engine, spec, inbox, breath).await
    }

    async fn handle(&mut self, Incoming { command, files }: Incoming) {
        match command {
            Command::Probe { options } => post(&match probe(&options).await {
                Ok(backend) => Reply::Probed { backend },
                Err(error) => Reply::ProbeFailed {
                    error: error.to_string(),
                },
            }),
            Command::Load { source, options } => {
                // The old model's memory goes before the new one's comes.
                self.give_bench_up("another model is loaded");
                self.engine = None;
                self.tags.clear();
                match load(source, files, &options).await {
                    Ok(loaded) => self.engine = Some(loaded),
                    Err(error) => post(&Reply::LoadFailed { error }),
                }
            }
            Command::Submit { tag, request } => {
                if let Some(engine) = &mut self.engine {
                    let info = engine.info();
                    if info.stub == StubLevel::Message {
                        let most = info.context_length;
                        for event in stub_answer(RequestId(tag), &request, most) {
                            post(&Reply::Event { tag, event });
                        }
                        return;
                    }
                    self.tags.insert(engine.submit(request), tag);
                } else {
                    let event = Event::Failed {
                        fault: Fault::Engine,
                        request: RequestId(0),
                        error: "no model is loaded".into(),
                    };
                    post(&Reply::Event { tag, event });
                }
            }
            Command::Abort { tag } => {
                let request = self.tags.iter().find(|(_, t)| **t == tag);
                if let (Some(engine), Some((&request, _))) = (&mut self.engine, request) {
                    engine.abort(request);
                }
            }
            Command::Bench { settings } => {
                let bench = match &self.engine {
                    Some(engine) => Bench::new(engine, settings).map_err(|error| error.to_string()),
                    None => Err("no model is loaded".into()),
                };
                match bench {
                    Ok(bench) => self.bench = Some(bench),
                    Err(error) => post(&Reply::BenchFailed { error }),
                }
            }
            Command::StopBench => self.give_bench_up("It was stopped."),
            // Nobody else runs one.
            Command::Lab { .. } | Command::StopLab => {}
            Command::Measure { tag, job } => {
                let outcome = match &mut self.engine {
                    Some(engine) => lab::measure(engine, tag, job).await,
                    None => Err("no model is loaded".into()),
                };
                let outcome = outcome.map(Box::new);
                post(&Reply::Measured { tag, outcome });
            }
            Command::SetStub { level } => {
                let set = match &mut self.engine {
                    Some(engine) => engine.set_stub(level).map_err(|error| error.to_string()),
                    None => Err("no model is loaded".into()),
                };
                post(&Reply::StubSet { error: set.err() });
            }
            Command::ClearCache => {
                if let Some(engine) = &mut self.engine {
                    engine.clear_cache();
                }
            }
            Command::StoredModels => report_store().await,
            Command::DeleteStoredModels => {
                if let Err(error) = store::delete_all().await {
                    let why = super::js::words(&error);
                    post(&Reply::Notice {
                        text: format!("The stored models can't be deleted: {why}"),
                    });
                }
                report_store().await;
            }
        }
    }
}

async fn report_store() {
    let bytes = match Store::open().await {
        Some(store) => Some(store.size().await),
        None => None,
    };
    post(&Reply::StoredModels { bytes });
}

async fn load(
    source: ModelSource,
    files: Vec<Box<dyn ByteSource>>,
    options: &LoadOptions,
) -> Result<Engine, String> {
    let mut last: Option<(LoadPhase, f64)> = None;
    let mut progress = move |progress: LoadProgress| {
        let at = now();
        let due = progress.done >= progress.total
            || last.is_none_or(|(phase, then)| {
                phase != progress.phase || at - then >= PROGRESS_EVERY_MS
            });
        if due {
            last = Some((progress.phase, at));
            post(&Reply::Progress { progress });
        }
    };
    let begin = now();
    let (files, kept) = match source {
        ModelSource::Files => (files, None),
        ModelSource::Server { server, .. } => {
            return Err(format!(
                "{} is a server\u{2019}s, not a file",
                server.model.id
            ));
        }
        ModelSource::Catalog { model, base } => {
            let total = model.bytes;
            let mut download = |done| {
                progress(LoadProgress {
                    phase: LoadPhase::Download,
                    done,
                    total,
                });
            };
            download(0);
            let fetched = fetch(&model, &base, &mut download)
                .await
                .map_err(|error| error.to_string())?;
            let kept = fetched.store.map(|store| (store, model.sha256));
            (vec![fetched.source], kept)
        }
    };
    let mut before = LoadTiming::default();
    if kept.is_some() {
        before.add(LoadSpan::Download, 0.0, now() - begin);
    }
    match open(files, options, &mut progress).await {
        Ok((engine, mut info)) => {
            info.load = before.then(&info.load);
            post(&Reply::Loaded {
                info: Box::new(info),
            });
            Ok(engine)
        }
        Err(error) => {
            // Perhaps the kept bytes went bad: have them hashed before they are used again.
            if let Some((store, digest)) = kept {
                store.set_verified(&digest, false).await;
            }
            Err(error)
        }
    }
}

/// Like [`Engine::load`], with word of what the model will take before its weights are read.
async fn open(
    files: Vec<Box<dyn ByteSource>>,
    options: &LoadOptions,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<(Engine, ModelInfo), String> {
    let begin = now();
    progress(LoadProgress {
        phase: LoadPhase::Parse,
        done: 0,
        total: 2,
    });
    let checkpoint = Checkpoint::open(files)
        .await
        .map_err(|error| error.to_string())?;
    let parsed = now() - begin;
    let backend = probe(options).await.map_err(|error| error.to_string())?;
    let planned = memory_ledger(&checkpoint, options, &backend);
    let (_, memory) = planned.map_err(|error| error.to_string())?;
    post(&Reply::Planned { memory });
    let mut before = LoadTiming::default();
    before.add(LoadSpan::Parse, 0.0, parsed);
    before.add(LoadSpan::Open, parsed, now() - begin);
    let engine = Engine::from_checkpoint(checkpoint, options, progress)
        .await
        .map_err(|error| error.to_string())?;
    let mut info = engine.info().clone();
    info.load = before.then(&info.load);
    Ok((engine, info))
}
