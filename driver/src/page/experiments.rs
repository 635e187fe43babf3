//! Experiments that a page's engine runs, and parts of those that the page drives.

use std::error::Error;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt};
use llamaglass_engine::Engine;
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::platform::{Stopwatch, unix_time_seconds};
use llamaglass_engine::scheduler::Policy;
use llamaglass_engine::stats::Record;
use llamaglass_lab::dataset::Row;
use llamaglass_lab::experiments::ablate::{AblateSettings, LOG_LINES, Switch};
use llamaglass_lab::{
    Experiment, LabError, LabResult, LoadedModel, Machine, Observer, Point, Progress, StubLevel,
    Unobserved,
};
use llamaglass_runner::EngineExperiment;
use llamaglass_runner::ablate::SwitchSizes;
use llamaglass_runner::answers;
use llamaglass_runner::bare::{BareSettings, encode};
use llamaglass_runner::chain::ChainSettings;
use llamaglass_runner::kernels::KernelSettings;
use llamaglass_runner::load::LoadSettings;
use llamaglass_runner::simulate::SimulateSettings;
use llamaglass_session::lab::{Job, LabEnd, Measured, Records, Spec};
use llamaglass_session::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, Tag, WindowReply,
};

use super::host::{Host, Incoming};

/// Minimum time between progress replies, in milliseconds.
const PROGRESS_INTERVAL_MS: f64 = 50.0;
/// Minimum time before a new description of the progress is sent, because it may change with every token.
const DESCRIPTION_INTERVAL_MS: f64 = 10.0;
/// Maximum sleep between checks for a stop, in milliseconds.
const NAP_MS: f64 = 50.0;
/// Error for commands that arrive during an experiment.
const BUSY: &str = "an experiment is running";

/// Reports progress to the page and handles its commands while an experiment occupies the engine.
struct PageObserver<'a, H: Host> {
    host: &'a H,
    inbox: &'a mut UnboundedReceiver<Incoming<H::Files>>,
    watch: Stopwatch,
    is_stopped: bool,
    /// Commands that have to wait for the experiment's end.
    deferred: Vec<Incoming<H::Files>>,
    records: Records,
    /// Points that have not been sent yet.
    points: Vec<Point>,
    /// Time and description of the last progress reply.
    progress_at_ms: f64,
    description: String,
}

impl<H: Host> PageObserver<'_, H> {
    fn receive(&mut self) {
        loop {
            let incoming = match self.inbox.next().now_or_never() {
                None => return,
                // The page is gone and cannot read the result.
                Some(None) => {
                    self.is_stopped = true;
                    return;
                }
                Some(Some(incoming)) => incoming,
            };
            match &*incoming.command {
                Command::Engine(command) => match command {
                    EngineCommand::Submit { tag, .. } => self.host.send(EngineReply::Event {
                        tag: *tag,
                        event: Box::new(Event::Failed {
                            request: RequestId(0),
                            error: BUSY.into(),
                            fault: Fault::Engine,
                        }),
                    }),
                    EngineCommand::SetStub { .. } => self.host.send(EngineReply::StubSet {
                        error: Some(BUSY.into()),
                    }),
                    // Loading another model ends the experiment.
                    EngineCommand::Load { .. } => {
                        self.is_stopped = true;
                        self.deferred.push(incoming);
                    }
                    EngineCommand::Probe { .. } => self.deferred.push(incoming),
                    EngineCommand::Abort { .. } | EngineCommand::ClearCache => {}
                },
                Command::Lab(command) => match command {
                    LabCommand::Stop => self.is_stopped = true,
                    LabCommand::Bench { .. } => {
                        self.host.send(LabReply::BenchFailed { error: BUSY.into() })
                    }
                    LabCommand::Measure { tag, .. } => self.host.send(LabReply::Measured {
                        tag: *tag,
                        outcome: Err(BUSY.into()),
                    }),
                    LabCommand::Run { .. } => self.host.send(WindowReply::Notice {
                        text: "An experiment is running already.".into(),
                    }),
                    LabCommand::StopBench => {}
                },
                Command::Storage(_) => self.deferred.push(incoming),
                Command::Window(_) => {}
            }
        }
    }
}

impl<H: Host> Observer for PageObserver<'_, H> {
    fn notify(&mut self, progress: Progress) {
        // JSON cannot represent values that are not finite.
        let is_finite = |point: &Point| point.x.is_finite() && point.y.is_finite();
        self.points.extend(progress.point.clone().filter(is_finite));
        let progress = Progress {
            point: None,
            ..progress
        };
        let at = self.watch.ms();
        let since = at - self.progress_at_ms;
        let is_new = progress.what != self.description && since >= DESCRIPTION_INTERVAL_MS;
        if progress.done >= progress.total || is_new || since >= PROGRESS_INTERVAL_MS {
            self.progress_at_ms = at;
            self.description.clone_from(&progress.what);
            let points = std::mem::take(&mut self.points);
            self.host.send(LabReply::Progress { progress, points });
        }
    }

    async fn yield_now(&mut self) -> bool {
        self.host.yield_now().await;
        self.receive();
        !self.is_stopped
    }

    async fn sleep(&mut self, ms: f64) {
        let end = self.watch.ms() + ms;
        while !self.is_stopped && self.watch.ms() < end {
            let nap = (end - self.watch.ms()).clamp(0.0, NAP_MS).ceil();
            self.host.sleep(nap).await;
            self.receive();
        }
    }

    fn record(&mut self, record: &Record) {
        self.records.push(record);
    }
}

/// Runs an experiment and sends its result to the page. Returns the commands that arrived meanwhile and still have
/// to be handled.
pub async fn run<H: Host>(
    host: &H,
    (engine, stub): (&mut Engine, StubLevel),
    spec: &Spec,
    inbox: &mut UnboundedReceiver<Incoming<H::Files>>,
) -> Vec<Incoming<H::Files>> {
    let begun = unix_time_seconds();
    let mut observer = PageObserver {
        host,
        inbox,
        watch: Stopwatch::start(),
        is_stopped: false,
        deferred: Vec::new(),
        records: Records::default(),
        points: Vec::new(),
        progress_at_ms: f64::NEG_INFINITY,
        description: String::new(),
    };
    let done = match engine_experiment(spec, stub) {
        Ok(experiment) => experiment.run(engine, &mut observer).await,
        Err(error) => Err(error),
    };
    let end = match done {
        Ok(data) => {
            let model = LoadedModel {
                info: engine.info().clone(),
                stub,
            };
            let machine = Machine::of(&model, &model.name);
            let result = LabResult::new(begun, Some(machine), spec.settings.seed, data);
            LabEnd::Done {
                result: Box::new(result),
                records: observer.records.into_vec(),
            }
        }
        Err(error) => error.into(),
    };
    host.send(LabReply::Ended(end));
    observer.deferred
}

/// Returns the experiment that a page asks for.
fn engine_experiment(spec: &Spec, stub: StubLevel) -> Result<EngineExperiment, LabError> {
    let settings = &spec.settings;
    let dataset = || spec.source.dataset(settings.rows);
    Ok(match spec.experiment {
        Experiment::Stats => EngineExperiment::Stats(dataset()?),
        Experiment::Bare => {
            let tokens = Some(settings.tokens).filter(|tokens| *tokens > 0);
            EngineExperiment::Bare(dataset()?, BareSettings { tokens })
        }
        Experiment::Load => {
            let load = LoadSettings {
                qps: settings.qps.clone(),
                duration_s: settings.duration_s,
                arrivals: settings.arrivals,
                seed: settings.seed,
                tokens: settings.tokens,
            };
            // The requests rotate through the whole dataset.
            EngineExperiment::Load(spec.source.dataset(0)?, load)
        }
        Experiment::Chain => {
            let chain = ChainSettings {
                tokens: settings.tokens,
                with: settings.with,
                sizes: SwitchSizes::default(),
            };
            EngineExperiment::Chain(dataset()?, chain)
        }
        Experiment::Ablate => {
            let is_page = |switch: &Switch| matches!(switch, Switch::Worker | Switch::Overlay);
            let switches = settings.switches.iter().copied();
            let ablate = AblateSettings {
                prompt_tokens: settings.prompt_tokens,
                gen_tokens: settings.tokens,
                repeats: settings.repeats,
                seed: settings.seed,
                log_lines: LOG_LINES,
                pad_to: None,
            };
            EngineExperiment::Ablate(ablate, switches.filter(|of| !is_page(of)).collect())
        }
        Experiment::Simulate => {
            let simulate = SimulateSettings {
                qps: settings.qps.first().copied(),
                arrivals: settings.arrivals,
                seed: settings.seed,
                most_tokens: Some(settings.tokens),
                policy: Policy::default(),
                stub,
            };
            EngineExperiment::Simulate(dataset()?, simulate)
        }
        Experiment::Kernels => EngineExperiment::Kernels(KernelSettings {
            prompt_tokens: settings.prompt_tokens,
            repeats: settings.repeats,
            layers: false,
        }),
        experiment @ (Experiment::Ladder | Experiment::Parity | Experiment::Stub) => {
            return Err(LabError::NotHere {
                experiment,
                why: "it is driven from outside the worker".into(),
            });
        }
    })
}

/// Measures one part of an experiment that the page drives.
///
/// # Errors
/// The engine's error.
pub async fn measure(
    host: &impl Host,
    engine: &mut Engine,
    tag: Tag,
    job: Job,
) -> Result<Measured, Box<dyn Error>> {
    let watch = Stopwatch::start();
    let prompt_ids = |engine: &Engine, prompt: String| {
        let row = Row {
            prompt,
            reference: None,
        };
        encode(engine.tokenizer(), &row).map(|(ids, _)| ids)
    };
    let send_token = |id| host.send(LabReply::Sampled { tag, id });
    Ok(match job {
        Job::Encode { prompt } => Measured {
            ids: prompt_ids(engine, prompt)?,
            ms: watch.ms(),
            ..Measured::default()
        },
        Job::Bare {
            ids,
            tokens,
            reports_tokens,
        } => {
            let mut visit = |id| {
                if reports_tokens {
                    send_token(id);
                }
            };
            let run = engine.bare(&ids, tokens, &mut visit).await?;
            Measured {
                ids: run.ids,
                first_ms: run.prefill_ms,
                ms: watch.ms(),
                ..Measured::default()
            }
        }
        Job::Text { prompt, tokens } => {
            let ids = prompt_ids(engine, prompt)?;
            let run = engine.bare(&ids, tokens, &mut |id| send_token(id)).await?;
            Measured {
                text: engine.tokenizer().decode(&run.ids, true),
                ids: run.ids,
                first_ms: run.prefill_ms,
                ms: watch.ms(),
                record: None,
            }
        }
        Job::Alone { request } => {
            let answer = answers::alone_timed(engine, request, &mut Unobserved).await?;
            Measured {
                ids: answer.record.ids.clone(),
                text: answer.record.text.clone(),
                first_ms: answer.first_ms.unwrap_or_default(),
                ms: answer.ms,
                record: Some(answer.record),
            }
        }
    })
}
