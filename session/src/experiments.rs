//! Experiments of the lab that run in the engine's task.

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt};
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::platform::{Stopwatch, unix_time_seconds};
use llamaglass_engine::scheduler::{Policy, Request};
use llamaglass_engine::stats::Record;
use llamaglass_engine::{Ablations, Engine, EngineError};
use llamaglass_lab::dataset::Row;
use llamaglass_lab::experiments::ablate::{AblateData, AblateSettings, Switch};
use llamaglass_lab::experiments::load::LoadData;
use llamaglass_lab::experiments::simulate::SimulateData;
use llamaglass_lab::{
    Data, Experiment, LabError, LabResult, Machine, Point, Progress, Watch, asking,
};
use llamaglass_runner::bare::{self, BareSettings, encode};
use llamaglass_runner::kernels::{self, KernelSettings};
use llamaglass_runner::load::{OpenLoop, open_loop};
use llamaglass_runner::simulate::{self, SimulateSettings};
use llamaglass_runner::{ablate, answers, chain, lengths};

use crate::host::{Host, Incoming};
use crate::lab::{Job, LabEnd, LabSettings, Measured, Records, Spec};
use crate::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, Tag, WindowReply,
};

/// Minimum time between progress replies, in milliseconds.
const TELL_EVERY_MS: f64 = 50.0;
/// Maximum sleep between checks for a stop, in milliseconds.
const NAP_MS: f64 = 50.0;
/// Log lines per step when logs are eager, the same as in the terminal.
const LOG_LINES: u32 = 200;
/// Positions that prompts are padded to, or the context length if it is less. Padding to a long context would take
/// minutes without a GPU.
const PAD_TO: usize = 512;

/// Error for commands that arrive during an experiment.
const BUSY: &str = "an experiment is running";

/// Reports progress to the page and handles its commands while an experiment occupies the engine.
struct Onlooker<'a, H: Host> {
    host: &'a H,
    inbox: &'a mut UnboundedReceiver<Incoming<H::Files>>,
    watch: Stopwatch,
    stopped: bool,
    later: Vec<Incoming<H::Files>>,
    records: Records,
    /// Points that have not been sent yet.
    points: Vec<Point>,
    told_at: f64,
    what: String,
}

impl<H: Host> Onlooker<'_, H> {
    fn hear(&mut self) {
        loop {
            let incoming = match self.inbox.next().now_or_never() {
                None => return,
                // The page is gone and cannot read the result.
                Some(None) => {
                    self.stopped = true;
                    return;
                }
                Some(Some(incoming)) => incoming,
            };
            match &*incoming.command {
                Command::Engine(command) => match command {
                    EngineCommand::Submit { tag, .. } => self.host.send(EngineReply::Event {
                        tag: *tag,
                        event: Event::Failed {
                            request: RequestId(0),
                            error: BUSY.into(),
                            fault: Fault::Engine,
                        },
                    }),
                    EngineCommand::SetStub { .. } => self.host.send(EngineReply::StubSet {
                        error: Some(BUSY.into()),
                    }),
                    // Loading another model ends the experiment.
                    EngineCommand::Load { .. } => {
                        self.stopped = true;
                        self.later.push(incoming);
                    }
                    EngineCommand::Probe { .. } => self.later.push(incoming),
                    EngineCommand::Abort { .. } | EngineCommand::ClearCache => {}
                },
                Command::Lab(command) => match command {
                    LabCommand::Stop => self.stopped = true,
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
                Command::Storage(_) => self.later.push(incoming),
                Command::Window(_) => {}
            }
        }
    }
}

impl<H: Host> Watch for Onlooker<'_, H> {
    fn told(&mut self, progress: Progress) {
        // JSON cannot represent values that are not finite.
        let sound = |point: &Point| point.x.is_finite() && point.y.is_finite();
        self.points.extend(progress.point.clone().filter(sound));
        let progress = Progress {
            point: None,
            ..progress
        };
        let at = self.watch.ms();
        let ended = progress.done >= progress.total;
        if ended || progress.what != self.what || at - self.told_at >= TELL_EVERY_MS {
            // A new description is sent early, but at most every 10 ms, because it may change with every token.
            if !ended && at - self.told_at < TELL_EVERY_MS / 5.0 {
                return;
            }
            self.told_at = at;
            self.what.clone_from(&progress.what);
            let points = std::mem::take(&mut self.points);
            self.host.send(LabReply::Progress { progress, points });
        }
    }

    async fn breathe(&mut self) -> bool {
        self.host.yield_now().await;
        self.hear();
        !self.stopped
    }

    async fn sleep(&mut self, ms: f64) {
        let end = self.watch.ms() + ms;
        while !self.stopped && self.watch.ms() < end {
            let nap = (end - self.watch.ms()).clamp(0.0, NAP_MS).ceil();
            self.host.sleep(nap).await;
            self.hear();
        }
    }

    fn answered(&mut self, record: &Record) {
        self.records.push(record);
    }
}

/// Runs an experiment and sends its result to the page. Returns the commands that arrived meanwhile and still have
/// to be handled.
pub async fn run<H: Host>(
    host: &H,
    engine: &mut Engine,
    spec: Spec,
    inbox: &mut UnboundedReceiver<Incoming<H::Files>>,
) -> Vec<Incoming<H::Files>> {
    let begun = unix_time_seconds();
    let mut onlooker = Onlooker {
        host,
        inbox,
        watch: Stopwatch::start(),
        stopped: false,
        later: Vec::new(),
        records: Records::default(),
        points: Vec::new(),
        told_at: f64::NEG_INFINITY,
        what: String::new(),
    };
    let done = experiment(engine, &spec, &mut onlooker).await;
    // Restore the engine's settings, however the experiment ended.
    let left = engine.set_ablations(Ablations::default());
    let end = match (done, left) {
        (Ok(data), Ok(())) => {
            let machine = Machine::of(engine.info(), &engine.info().name);
            let result = LabResult::new(begun, Some(machine), spec.settings.seed, data);
            LabEnd::Done {
                result: Box::new(result),
                records: onlooker.records.into_vec(),
            }
        }
        (Err(error), _) => error.into(),
        (_, Err(error)) => LabError::failed("leaving the engine as it was", error).into(),
    };
    host.send(LabReply::Ended(end));
    onlooker.later
}

async fn experiment(
    engine: &mut Engine,
    spec: &Spec,
    watch: &mut impl Watch,
) -> Result<Data, LabError> {
    let settings = &spec.settings;
    let dataset = spec.source.dataset(settings.rows)?;
    Ok(match spec.experiment {
        Experiment::Stats => Data::Stats(lengths::run(&dataset, engine.tokenizer())?),
        Experiment::Bare => {
            let tokens = Some(settings.tokens).filter(|tokens| *tokens > 0);
            Data::Bare(bare::run(engine, &dataset, BareSettings { tokens }, watch).await?)
        }
        Experiment::Load => Data::Load(load(engine, spec, watch).await?),
        Experiment::Chain => {
            let sizes = (LOG_LINES, Some(PAD_TO.min(engine.info().context_length)));
            let worse = settings
                .with
                .map(|switch| ablate::ablations(engine, switch, sizes).map_err(LabError::Setting));
            let worse = worse.transpose()?;
            let worse = worse.as_ref().map(|(of, changes)| (&**changes, *of));
            let data = chain::run(engine, &dataset, settings.tokens, worse, watch).await?;
            Data::Chain(Box::new(data))
        }
        Experiment::Ablate => Data::Ablate(ablated(engine, settings, watch).await?),
        Experiment::Simulate => Data::Simulate(Box::new(simulated(engine, spec, watch).await?)),
        Experiment::Kernels => {
            let settings = KernelSettings {
                prompt_tokens: settings.prompt_tokens,
                repeats: settings.repeats,
                layers: false,
            };
            Data::Kernels(kernels::run(engine, settings, watch).await?)
        }
        experiment @ (Experiment::Ladder | Experiment::Parity | Experiment::Stub) => {
            return Err(LabError::NotHere {
                experiment,
                why: "it is driven from outside the worker".into(),
            });
        }
    })
}

async fn load(
    engine: &mut Engine,
    spec: &Spec,
    watch: &mut impl Watch,
) -> Result<LoadData, LabError> {
    let LabSettings {
        qps,
        duration_s,
        arrivals,
        seed,
        tokens,
        ..
    } = &spec.settings;
    let dataset = spec.source.dataset(0)?;
    let asked = dataset.rows.iter();
    let requests: Vec<Request> = asked
        .map(|row| asking(engine.info().has_chat_template, &row.prompt, *tokens))
        .collect();
    let mut runs = Vec::with_capacity(qps.len());
    // Run prefill and decode once before anything is measured.
    if let Some(first) = requests.first() {
        answers::alone(engine, first.clone(), watch).await?;
    }
    for qps in qps {
        let plan = OpenLoop {
            qps: *qps,
            duration_s: *duration_s,
            arrivals: *arrivals,
            seed: *seed,
            requests: &requests,
        };
        runs.push(open_loop(engine, &plan, watch).await?.0);
    }
    Ok(LoadData {
        target: "engine".into(),
        dataset: dataset.name,
        runs,
    })
}

async fn ablated(
    engine: &mut Engine,
    settings: &LabSettings,
    watch: &mut impl Watch,
) -> Result<AblateData, LabError> {
    let of_engine = |switch: &Switch| !matches!(switch, Switch::Worker | Switch::Overlay);
    let switches = settings.switches.iter().copied().filter(of_engine);
    let switches: Vec<Switch> = switches.collect();
    let ablate = AblateSettings {
        prompt_tokens: settings.prompt_tokens,
        gen_tokens: settings.tokens,
        repeats: settings.repeats,
        seed: settings.seed,
        log_lines: LOG_LINES,
        pad_to: Some(PAD_TO.min(engine.info().context_length)),
    };
    let (effects, left_out) = ablate::run(engine, &switches, &ablate, watch).await?;
    Ok(AblateData::of(ablate, effects, left_out))
}

async fn simulated(
    engine: &mut Engine,
    spec: &Spec,
    watch: &mut impl Watch,
) -> Result<SimulateData, LabError> {
    let settings = &spec.settings;
    let dataset = spec.source.dataset(settings.rows)?;
    let how = SimulateSettings {
        qps: settings.qps.first().copied(),
        arrivals: settings.arrivals,
        seed: settings.seed,
        most_tokens: Some(settings.tokens),
        policy: Policy::default(),
    };
    simulate::run(engine, &dataset, &how, watch).await
}

/// Measures one part of an experiment that the page drives.
///
/// # Errors
/// The engine's error as a message.
pub async fn measure(
    host: &impl Host,
    engine: &mut Engine,
    tag: Tag,
    job: Job,
) -> Result<Measured, String> {
    measured(host, engine, tag, job)
        .await
        .map_err(|error| error.to_string())
}

async fn measured(
    host: &impl Host,
    engine: &mut Engine,
    tag: Tag,
    job: Job,
) -> Result<Measured, EngineError> {
    let watch = Stopwatch::start();
    let prompt_ids = |engine: &Engine, prompt: String| {
        let row = Row {
            prompt,
            reference: None,
        };
        encode(engine.tokenizer(), &row).map(|(ids, _)| ids)
    };
    let picked = |id| host.send(LabReply::Sampled { tag, id });
    Ok(match job {
        Job::Encode { prompt } => Measured {
            ids: prompt_ids(engine, prompt)?,
            ms: watch.ms(),
            ..Measured::default()
        },
        Job::Bare { ids, tokens, told } => {
            let mut tell = |id| {
                if told {
                    picked(id);
                }
            };
            let run = engine.bare(&ids, tokens, &mut tell).await?;
            Measured {
                ids: run.ids,
                first_ms: run.prefill_ms,
                ms: watch.ms(),
                ..Measured::default()
            }
        }
        Job::Text { prompt, tokens } => {
            let ids = prompt_ids(engine, prompt)?;
            let run = engine.bare(&ids, tokens, &mut |id| picked(id)).await?;
            Measured {
                text: engine.tokenizer().decode(&run.ids, true),
                ids: run.ids,
                first_ms: run.prefill_ms,
                ms: watch.ms(),
                record: None,
            }
        }
        Job::Alone { request } => alone(engine, request).await,
    })
}

/// Runs a request to its end without sending events to the page.
async fn alone(engine: &mut Engine, request: Request) -> Measured {
    engine.clear_cache();
    let watch = Stopwatch::start();
    let id = engine.submit(request);
    let mut record = Record::default();
    let mut first_ms = None;
    loop {
        let mut ended = false;
        for event in engine.step().await {
            if event.request() == id {
                record.push(&event);
                ended |= event.is_last();
                if !record.ids.is_empty() {
                    first_ms.get_or_insert_with(|| watch.ms());
                }
            }
        }
        if ended || engine.is_idle() {
            break;
        }
    }
    Measured {
        ids: record.ids.clone(),
        text: record.text.clone(),
        first_ms: first_ms.unwrap_or_default(),
        ms: watch.ms(),
        record: Some(record),
    }
}
