//! The experiments on a model in this program.

use anyhow::{Result, ensure};
use llamaglass_engine::platform::unix_time_seconds;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_lab::StubLevel;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::ablate::{AblateSettings, AblationEffect, Switch, pairs};
use llamaglass_lab::experiments::ladder::{self, LadderSettings};
use llamaglass_lab::experiments::load::LoadData;
use llamaglass_lab::experiments::simulate::{SimulateData, busy_qps};
use llamaglass_lab::experiments::stub::{self, StubSettings};
use llamaglass_lab::{Arrivals, Data, LabError, LabResult, Observer, Progress};
use llamaglass_runner::ablate::SwitchSizes;
use llamaglass_runner::bare::BareSettings;
use llamaglass_runner::chain::ChainSettings;
use llamaglass_runner::kernels::KernelSettings;
use llamaglass_runner::simulate::SimulateSettings;
use llamaglass_runner::{EngineExperiment, lengths};
use tokio::sync::watch;

use super::Lab;
use super::layers::ShellLayers;
use super::loads::{load_run, request_settings, sweep_settings};
use super::observer::TerminalObserver;
use super::output::Folder;
use super::parity::ParityRun;
use super::shell::Shell;
use super::stubs::{self, ShellStubs};
use crate::cli::{
    AblateArgs, BareArgs, ChainArgs, KernelsArgs, LabLoadArgs, LabParityArgs, LabStubArgs,
    LadderArgs, SimulateArgs,
};
use crate::dataset;
use crate::load_client::{Load, RequestSettings, Target};
use crate::output::{json, note, print};

/// Default numbers of dataset rows per experiment.
const BARE_ROWS: usize = 10;
const CHAIN_ROWS: usize = 6;
const PARITY_ROWS: usize = 3;
const SIMULATE_ROWS: usize = 16;
const LOAD_ROWS: usize = 64;
/// Switches that the engine implements, in the order in which they are measured.
const OF_ENGINE: [Switch; 7] = [
    Switch::EagerLogs,
    Switch::PadToMax,
    Switch::ConcatenatedCache,
    Switch::HostPick,
    Switch::NoReplay,
    Switch::ReadbackDepth,
    Switch::Batch,
];

impl Lab {
    fn result(&self, begun: i64, shell: &Shell, data: Data) -> LabResult {
        LabResult::new(begun, Some(shell.machine()), self.run.seed, data)
    }

    /// Runs an experiment on the engine's thread.
    fn on_engine(&self, experiment: EngineExperiment, shell: &Shell) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let data = self.measure_on_engine(experiment, shell)?;
        Ok(self.result(begun, shell, data))
    }

    fn measure_on_engine(&self, experiment: EngineExperiment, shell: &Shell) -> Result<Data> {
        let observer = self.observer.showing(experiment.name());
        let data = shell.on_engine(&observer, async move |engine, observer| {
            experiment.run(engine, observer).await
        });
        observer.finish();
        data
    }

    /// Runs `stats`, which reads only a tokenizer.
    pub fn stats(&self) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let checkpoint = self.model.checkpoint()?;
        let tokenizer = Tokenizer::new(checkpoint.tokenizer(), checkpoint.config())?;
        let data = lengths::run(&self.dataset(usize::MAX)?, &tokenizer)?;
        Ok(LabResult::new(
            begun,
            None,
            self.run.seed,
            Data::Stats(data),
        ))
    }

    /// Runs `bare`.
    pub fn bare(&self, args: &BareArgs, shell: &Shell) -> Result<LabResult> {
        let settings = BareSettings {
            tokens: args.tokens,
        };
        let dataset = self.dataset(BARE_ROWS)?;
        self.on_engine(EngineExperiment::Bare(dataset, settings), shell)
    }

    /// Runs `ladder`.
    pub async fn ladder(&self, args: &LadderArgs, shell: &Shell) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let first = || -> Result<String> { Ok(self.dataset(1)?.rows.remove(0).prompt) };
        let settings = LadderSettings {
            prompt: args.prompt.clone().map_or_else(first, Ok)?,
            lengths: args.lengths.clone(),
            repeats: args.repeats,
        };
        let mut layers = ShellLayers::new(shell, shell.target().await?);
        let mut observer = self.observer.showing("ladder");
        let data = ladder::run(&mut layers, settings, &mut observer).await;
        observer.finish();
        Ok(self.result(begun, shell, Data::Ladder(data?)))
    }

    /// Runs `load` on the server in this program.
    pub async fn load(&self, args: &LabLoadArgs, shell: &Shell) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let dataset = self.dataset(LOAD_ROWS)?;
        let loads = ServerLoads {
            args,
            target: shell.target().await?,
            chat: shell.info().has_chat_template,
            dataset: &dataset,
            folder: &self.folder,
            observer: &self.observer,
        };
        let data = loads.run(&|| Ok(shell.handle().clear_cache()?)).await?;
        Ok(self.result(begun, shell, Data::Load(data)))
    }

    /// Runs `parity`.
    pub async fn parity(&self, args: &LabParityArgs, shell: &Shell) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let run = ParityRun {
            model: (&self.model, &self.options),
            reference: args.reference.as_deref(),
            out: self.folder.path().join("parity"),
            kv: self.options.kv,
            tokens: args.tokens,
        };
        let observer = self.observer.showing("parity");
        let data = run.run(shell, &self.dataset(PARITY_ROWS)?, &observer).await;
        observer.finish();
        Ok(self.result(begun, shell, Data::Parity(data?)))
    }

    /// Runs `chain`.
    pub fn chain(&self, args: &ChainArgs, shell: &Shell) -> Result<LabResult> {
        let settings = ChainSettings {
            tokens: args.tokens,
            with: args.with,
            sizes: SwitchSizes {
                log_lines: args.sizes.log_lines,
                log_ms: args.sizes.log_ms,
                pad_to: args.sizes.pad_to,
            },
        };
        let dataset = self.dataset(CHAIN_ROWS)?;
        self.on_engine(EngineExperiment::Chain(dataset, settings), shell)
    }

    /// Runs `ablate`.
    pub async fn ablate(&self, args: &AblateArgs, shell: &Shell) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let settings = AblateSettings {
            prompt_tokens: args.prompt_tokens,
            gen_tokens: args.gen_tokens,
            repeats: args.repeats,
            seed: self.run.seed,
            log_lines: args.sizes.log_lines,
            pad_to: args.sizes.pad_to,
        };
        let wanted = |switch: &Switch| args.switches.is_empty() || args.switches.contains(switch);
        let of_engine: Vec<Switch> = OF_ENGINE.into_iter().filter(wanted).collect();
        let experiment = EngineExperiment::Ablate(settings, of_engine);
        let mut data = self.measure_on_engine(experiment, shell)?;
        if let Data::Ablate(data) = &mut data {
            if wanted(&Switch::Worker) {
                let mut observer = self.observer.showing("ablate");
                let effect = self.worker(&data.ablate, shell, &mut observer).await;
                observer.finish();
                data.add(effect?);
            }
            if wanted(&Switch::Overlay) {
                let why = "the timing overlay is the page\u{2019}s".into();
                data.left_out.push((Switch::Overlay, why));
            }
        }
        Ok(self.result(begun, shell, data))
    }

    /// Measures the `worker` switch: the bare loop on the engine's thread, and the same requested from this thread.
    async fn worker(
        &self,
        settings: &AblateSettings,
        shell: &Shell,
        observer: &mut TerminalObserver,
    ) -> Result<AblationEffect> {
        let layers = ShellLayers::new(shell, shell.target().await?);
        let prompt = self.dataset(1)?.rows.remove(0).prompt;
        let tokens = settings.gen_tokens;
        let timed = async |_: &mut TerminalObserver, arm: usize, _: u64| match arm {
            0 => layers.timed_bare(&prompt, tokens),
            _ => layers.timed_thread(&prompt, tokens),
        };
        let changes =
            "requests come from another thread, which receives every token through a channel";
        Ok(pairs(Switch::Worker, changes, settings.repeats, observer, timed).await?)
    }

    /// Runs `simulate` with the study's formula only; the model computes nothing.
    pub fn formula(&self, args: &SimulateArgs) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let checkpoint = self.model.checkpoint()?;
        let tokenizer = Tokenizer::new(checkpoint.tokenizer(), checkpoint.config())?;
        let stats = lengths::run(&self.dataset(usize::MAX)?, &tokenizer)?;
        let lengths: Vec<usize> = stats.lengths.iter().filter_map(|row| row.1).collect();
        ensure!(
            !lengths.is_empty(),
            "the dataset {} has no reference answers, whose lengths are simulated",
            stats.dataset
        );
        let ms_per_token = args.ms_per_token.unwrap_or_default();
        let qps = args.qps.unwrap_or_else(|| busy_qps(&lengths, ms_per_token));
        let data = SimulateData::of(stats.dataset, &lengths, ms_per_token, qps);
        Ok(LabResult::new(
            begun,
            None,
            self.run.seed,
            Data::Simulate(Box::new(data)),
        ))
    }

    /// Runs `simulate` and measures the same load on random weights.
    pub fn simulate(&self, args: &SimulateArgs, random: &mut Option<Shell>) -> Result<LabResult> {
        let shell = stubs::random(random, &self.model, &self.options)?;
        let settings = SimulateSettings {
            qps: args.qps,
            arrivals: Arrivals::Constant,
            seed: self.run.seed,
            most_tokens: None,
            policy: self.options.policy,
            stub: StubLevel::RandomWeights,
        };
        let dataset = self.dataset(SIMULATE_ROWS)?;
        self.on_engine(EngineExperiment::Simulate(dataset, settings), shell)
    }

    /// Runs `stub`.
    pub async fn stub(
        &self,
        args: &LabStubArgs,
        shell: &Shell,
        random: &mut Option<Shell>,
    ) -> Result<LabResult> {
        let begun = unix_time_seconds();
        let dataset = self.dataset(LOAD_ROWS)?;
        let settings = StubSettings {
            levels: args.levels.clone(),
            loads: args.loads.clone(),
            repeats: args.repeats,
            tokens: args.max_tokens,
        };
        let mut observer = self.observer.showing("stub");
        let mut stubbed = ShellStubs {
            shell,
            random,
            model: &self.model,
            options: &self.options,
            dataset: &dataset,
            observer: observer.clone(),
        };
        let data = stub::run(&mut stubbed, settings, &mut observer).await;
        observer.finish();
        Ok(self.result(begun, shell, Data::Stub(data?)))
    }

    /// Runs `kernels`.
    pub fn kernels(&self, args: &KernelsArgs, shell: &Shell) -> Result<LabResult> {
        let settings = KernelSettings {
            prompt_tokens: args.prompt_tokens,
            repeats: args.repeats,
            layers: args.layers,
        };
        self.on_engine(EngineExperiment::Kernels(settings), shell)
    }
}

/// Runs `load` on a server elsewhere; no model is loaded here.
pub fn load_elsewhere(args: &LabLoadArgs) -> Result<std::process::ExitCode> {
    let begun = unix_time_seconds();
    let run = &args.run;
    let dataset = dataset::named(&run.prompts, run.take)?;
    let folder = Folder::open(&run.out)?;
    let observer = TerminalObserver::install()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let data = runtime.block_on(async {
        let url = args.url.as_deref().unwrap_or_default();
        let key = args.api_key.as_deref();
        let loads = ServerLoads {
            args,
            target: Target::find(url, key, args.model_name.as_deref()).await?,
            chat: true,
            dataset: &dataset,
            folder: &folder,
            observer: &observer,
        };
        // The cache of a foreign server can't be cleared.
        loads.run(&|| Ok(())).await
    })?;
    let result = LabResult::new(begun, None, run.seed, Data::Load(data));
    folder.write(&result)?;
    if run.json {
        json(&result)?;
    } else {
        print(&llamaglass_report::lab::text(&result))?;
    }
    note(&format!("results are in {}", folder.path().display()));
    Ok(super::status(&result))
}

/// Loads on a server, one per rate.
struct ServerLoads<'a> {
    args: &'a LabLoadArgs,
    target: Target,
    /// True if prompts are sent as chats, false if they are completed as they are.
    chat: bool,
    dataset: &'a Dataset,
    folder: &'a Folder,
    observer: &'a TerminalObserver,
}

impl ServerLoads<'_> {
    /// Runs the loads and writes each one's own result. Calls `clear_cache` before each, so that no load finds the
    /// prompts of the one before.
    async fn run(self, clear_cache: &dyn Fn() -> Result<()>) -> Result<LoadData> {
        let ask = RequestSettings {
            protocol: self.args.protocol,
            ..request_settings(true, self.chat, self.args.max_tokens, self.args.run.seed)
        };
        let settings = sweep_settings(
            self.args.qps.clone(),
            self.args.duration,
            self.args.arrivals,
            ask,
            true,
        );
        settings.check()?;
        let load = Load::new(self.target, settings, self.dataset);
        let mut data = LoadData {
            target: load.target.url().to_owned(),
            dataset: self.dataset.name.clone(),
            runs: Vec::new(),
        };
        let mut bar = self.observer.showing("load");
        for qps in &self.args.qps {
            clear_cache()?;
            let total = load.settings.count(qps)?;
            let (stop, stopped) = watch::channel(false);
            let mut notify = |counts: crate::load_client::Counts| {
                bar.notify(Progress {
                    what: format!(
                        "{} requests per second, {} running",
                        qps.typed,
                        counts.running()
                    ),
                    done: counts.completed + counts.failed,
                    total,
                    point: None,
                });
            };
            let result = tokio::select! {
                result = load.run(qps, stopped, &mut notify) => result?,
                () = self.observer.stopped() => {
                    let _closed = stop.send(true);
                    return Err(LabError::Stopped.into());
                }
            };
            let name = format!("result_{}_x.json", qps.typed);
            self.folder
                .put(&name, &serde_json::to_string_pretty(&result)?)?;
            data.runs.push(load_run(&result));
        }
        bar.finish();
        Ok(data)
    }
}
