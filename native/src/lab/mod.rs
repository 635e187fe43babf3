//! `llamaglass lab`: runs the experiments on a model and server in this program.

mod all;
mod experiments;
mod layers;
mod loads;
mod observer;
mod output;
mod parity;
mod shell;
mod stubs;

use llamaglass_lab::StubLevel;
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
use observer::TerminalObserver;
use output::Folder;
use shell::Shell;

/// Default number of KV cache positions: enough for the default prompts, and few enough that prefilling a prompt
/// padded to them takes seconds, not minutes, without a GPU.
const CONTEXT: usize = 512;

/// Everything that an experiment needs to run.
pub struct Lab {
    /// Flags that all experiments share.
    pub run: RunArgs,
    /// Model, and the options to load it with.
    pub model: Model,
    pub options: LoadOptions,
    /// Folder for the results.
    pub folder: Folder,
    /// Progress display and Ctrl-C.
    pub observer: TerminalObserver,
}

/// Runs the `lab` command.
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

/// Runs one experiment, and writes and prints its result.
fn one(command: &LabCommand, model: &ModelArgs, run: &RunArgs) -> Result<ExitCode> {
    let _trace = trace::start(&run.trace)?;
    let lab = Lab::new(model, run)?;
    let result = lab.on_runtime(lab.experiment(command))?;
    lab.report(&result)?;
    Ok(status(&result))
}

/// Returns true if an experiment was stopped by Ctrl-C.
pub fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<LabError>(), Some(LabError::Stopped))
}

/// Returns the exit status of a result: failure if a load has missing answers or logits deviate.
pub fn status(result: &LabResult) -> ExitCode {
    let succeeded = match &result.data {
        Data::Load(data) => data.runs.iter().all(|run| run.is_complete()),
        Data::Parity(data) => data.pass,
        _ => true,
    };
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Lab {
    /// Finds the model and opens the folder for results, but loads nothing yet.
    ///
    /// # Errors
    /// Fails if a flag names something that does not exist.
    pub fn new(model: &ModelArgs, run: &RunArgs) -> Result<Self> {
        let mut options = run.backend.load_options()?;
        options.context_length.get_or_insert(CONTEXT);
        options.batch = Some(run.batch);
        Ok(Self {
            run: run.clone(),
            model: Model::from_args(model)?,
            options,
            folder: Folder::open(&run.out)?,
            observer: TerminalObserver::install()?,
        })
    }

    /// Returns the first rows of the dataset: as many as `--take` says, or else `rows`.
    ///
    /// # Errors
    /// Fails if the dataset can't be read.
    pub fn dataset(&self, rows: usize) -> Result<Dataset> {
        let take = self.run.take.unwrap_or(rows);
        Ok(dataset::named(&self.run.prompts, Some(take))?)
    }

    /// Loads the model and starts a server for it in this program.
    ///
    /// # Errors
    /// Fails if the model can't be loaded or the server can't start.
    pub fn start(&self) -> Result<Shell> {
        Shell::start(self.model.clone(), self.options.clone(), StubLevel::Whole)
    }

    /// Runs `work` to its end on this thread.
    ///
    /// # Errors
    /// Returns the error of `work`.
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
                self.measure(command, &shell, &mut None).await
            }
        }
    }

    /// Runs an experiment on a loaded model. `random` holds the model's shape with random weights, which is loaded
    /// when an experiment first needs it.
    ///
    /// # Errors
    /// Returns the error of the experiment.
    pub async fn measure(
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

    /// Writes a result to files and prints it.
    fn report(&self, result: &LabResult) -> Result<()> {
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

/// Returns the model and the flags that all experiments share.
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
