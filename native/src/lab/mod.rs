//! `llamaglass lab`: the experiments, over a model and a server of this program.

mod all;
mod experiments;
mod layers;
mod loads;
mod output;
mod parity;
mod shell;
mod stubs;
mod watch;

use std::process::ExitCode;

use anyhow::{Context, Result};
use llamaglass_engine::LoadOptions;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::{Data, LabError, LabResult};

use crate::cli::{LabArgs, LabCommand, ModelArgs, RunArgs};
use crate::dataset;
use crate::interrupt;
use crate::model::Model;
use crate::output::{json, note, print};
use crate::trace;
use output::Folder;
use shell::Shell;
use watch::Onlooker;

/// Positions of the KV cache where nobody says how many: what the default prompts need, and a prompt that is
/// padded to it takes seconds, not minutes, without a GPU.
const CONTEXT: usize = 512;

/// What an experiment is run with.
pub struct Lab {
    /// The common flags.
    pub run: RunArgs,
    /// The model, and how it is loaded.
    pub model: Model,
    pub options: LoadOptions,
    /// Where results go.
    pub folder: Folder,
    /// Who looks on.
    pub watch: Onlooker,
}

/// Runs the command.
pub fn run(args: &LabArgs) -> Result<ExitCode> {
    let done = match &args.experiment {
        LabCommand::All(args) => return all::run(args),
        LabCommand::Load(args) if args.url.is_some() => experiments::load_elsewhere(args),
        command => {
            let (model, run) = common(command);
            one(command, &model, run)
        }
    };
    match done {
        Ok(code) => Ok(code),
        Err(error) if is_stopped(&error) => {
            note("stopped");
            Ok(ExitCode::from(interrupt::STATUS))
        }
        Err(error) => Err(error),
    }
}

/// One experiment, and its files.
fn one(command: &LabCommand, model: &ModelArgs, run: &RunArgs) -> Result<ExitCode> {
    let _trace = trace::start(&run.trace)?;
    let lab = Lab::new(model, run)?;
    let result = lab.on_runtime(lab.experiment(command))?;
    lab.tell(&result)?;
    Ok(status(&result))
}

/// Whether an experiment was stopped by Ctrl-C.
pub fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<LabError>(), Some(LabError::Stopped))
}

/// What is measured has to be so: an answer that is missing, or other logits, fail the command.
pub fn status(result: &LabResult) -> ExitCode {
    let well = match &result.data {
        Data::Load(data) => data.runs.iter().all(|run| run.is_complete()),
        Data::Parity(data) => data.pass,
        _ => true,
    };
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Lab {
    /// Finds model and folder; nothing is loaded yet.
    ///
    /// # Errors
    /// Where a flag names what is not there.
    pub fn new(model: &ModelArgs, run: &RunArgs) -> Result<Self> {
        let mut options = run.backend.load_options()?;
        options.context_length.get_or_insert(CONTEXT);
        options.batch = Some(run.batch);
        Ok(Self {
            run: run.clone(),
            model: Model::from_args(model)?,
            options,
            folder: Folder::open(&run.out)?,
            watch: Onlooker::install()?,
        })
    }

    /// The dataset's first rows: as many as the flag says, or else `rows`.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn dataset(&self, rows: usize) -> Result<Dataset> {
        let take = self.run.take.unwrap_or(rows);
        Ok(dataset::named(&self.run.prompts, Some(take))?)
    }

    /// Loads the model and serves it to this program.
    ///
    /// # Errors
    /// What the model or the device says.
    pub fn start(&self) -> Result<Shell> {
        Shell::start(self.model.clone(), self.options.clone())
    }

    /// Runs `work` to its end on this thread.
    ///
    /// # Errors
    /// What `work` says.
    pub fn on_runtime<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the client")?;
        runtime.block_on(work)
    }

    async fn experiment(&self, command: &LabCommand) -> Result<LabResult> {
        match command {
            LabCommand::Stats(_) => self.stats(),
            LabCommand::Simulate(args) if args.ms_per_token.is_some() => self.formula(args),
            LabCommand::Simulate(args) => self.simulate(args, &mut None),
            command => {
                let shell = self.start()?;
                self.measured(command, &shell, &mut None).await
            }
        }
    }

    /// An experiment on a model that is loaded; `random` is the same with random weights, once one needs it.
    ///
    /// # Errors
    /// What the experiment says.
    pub async fn measured(
        &self,
        command: &LabCommand,
        shell: &Shell,
        random: &mut Option<Shell>,
    ) -> Result<LabResult> {
        match command {
            LabCommand::Stats(_) | LabCommand::All(_) => self.stats(),
            LabCommand::Bare(args) => self.bare(args, shell),
            LabCommand::Ladder(args) => self.ladder(args, shell).await,
            LabCommand::Load(args) => self.load(args, shell).await,
            LabCommand::Parity(args) => self.parity(args, shell).await,
            LabCommand::Chain(args) => self.chain(args, shell),
            LabCommand::Ablate(args) => self.ablate(args, shell).await,
            LabCommand::Simulate(args) => self.simulate(args, random),
            LabCommand::Stub(args) => self.stub(args, shell, random).await,
            LabCommand::Kernels(args) => self.kernels(args, shell),
        }
    }

    /// Writes a result and shows it.
    fn tell(&self, result: &LabResult) -> Result<()> {
        self.folder.write(result)?;
        if self.run.json {
            json(result)?;
        } else {
            print(&llamaglass_report::lab::text(result))?;
        }
        note(&format!("results are in {}", self.folder.path().display()));
        Ok(())
    }
}

/// The flags that every experiment on a model has.
fn common(command: &LabCommand) -> (ModelArgs, &RunArgs) {
    let (model, run) = match command {
        LabCommand::Stats(args) => (&args.model, &args.run),
        LabCommand::Bare(args) => (&args.model, &args.run),
        LabCommand::Ladder(args) => (&args.model, &args.run),
        LabCommand::Load(args) => {
            let model = ModelArgs {
                model: args.model.clone(),
                random: args.random.clone(),
            };
            return (model, &args.run);
        }
        LabCommand::Parity(args) => (&args.model, &args.run),
        LabCommand::Chain(args) => (&args.model, &args.run),
        LabCommand::Ablate(args) => (&args.model, &args.run),
        LabCommand::Simulate(args) => (&args.model, &args.run),
        LabCommand::Stub(args) => (&args.model, &args.run),
        LabCommand::Kernels(args) => (&args.model, &args.run),
        LabCommand::All(args) => (&args.model, &args.run),
    };
    (model.clone(), run)
}
