//! The lab: running experiments, their outcomes, and saved runs.

mod ablate;
mod answers;
mod keep;
mod layers;
mod loads;
mod parity;
mod stubs;
mod talk;
mod watch;

pub use keep::{Kept, KeptRun, delete_run};
pub(super) use talk::{News, Waiting, heard};

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use llamaglass_lab::experiments::{ladder, stub};
use llamaglass_lab::{Data, Experiment, LabError, LabResult, Machine, Point, Progress};
use llamaglass_types::clock::unix_time_seconds;
use llamaglass_types::stats::Record;

use super::{App, Turn, storage};
use crate::lab::{LabEnd, LabSettings, Plot, Source, Spec, unfit};
use crate::protocol::LabCommand;

/// State of the lab's tab.
#[derive(Clone, Copy, Debug)]
pub struct Lab {
    /// True if the lab is shown in place of the conversation.
    pub open: RwSignal<bool>,
    /// Settings of each experiment.
    pub settings: RwSignal<BTreeMap<Experiment, LabSettings>>,
    /// Source of the prompts.
    pub source: RwSignal<Source>,
    /// Reason why the chosen file is not a dataset.
    pub source_error: RwSignal<Option<String>>,
    /// The running experiment.
    pub running: RwSignal<Option<Running>>,
    /// Progress of the running experiment.
    pub progress: RwSignal<Progress>,
    /// Live plot of what was measured so far.
    pub plot: RwSignal<Plot>,
    /// Outcome of each experiment's last run.
    pub outcomes: RwSignal<BTreeMap<Experiment, Outcome>>,
    /// Saved runs.
    pub kept: RwSignal<Kept>,
    /// Answer that is painted in order to be measured.
    pub stage: RwSignal<Option<Turn>>,
    /// True if the token timeline is drawn in order to be measured.
    pub draws_overlay: RwSignal<bool>,
}

/// A running experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// The experiment.
    pub experiment: Experiment,
    /// True if all experiments run, one after the other.
    pub all: bool,
    /// True once it was asked to stop.
    pub stopping: bool,
}

/// Outcome of a run.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Finished with a result.
    Done(Arc<Found>),
    /// The user stopped it.
    Stopped,
    /// Failed, for this reason.
    Failed(String),
}

/// Result of a run, with its settings.
#[derive(Clone, Debug)]
pub struct Found {
    /// The result.
    pub result: LabResult,
    /// Settings of the run.
    pub settings: LabSettings,
    /// Records of the requests, for a trace; empty for a saved run.
    pub records: Vec<Record>,
}

impl Lab {
    pub(super) fn new() -> Self {
        let mut settings = storage::restore_lab();
        for experiment in Experiment::ALL {
            let defaults = || LabSettings::of(experiment);
            settings.entry(experiment).or_insert_with(defaults);
        }
        Self {
            open: RwSignal::new(false),
            settings: RwSignal::new(settings),
            source: RwSignal::new(Source::BuiltIn),
            source_error: RwSignal::new(None),
            running: RwSignal::new(None),
            progress: RwSignal::new(Progress::default()),
            plot: RwSignal::new(Plot::default()),
            outcomes: RwSignal::new(BTreeMap::new()),
            kept: RwSignal::new(Kept::Unknown),
            stage: RwSignal::new(None),
            draws_overlay: RwSignal::new(false),
        }
    }
}

/// Shows the lab if `open`, otherwise the conversation.
pub fn open_lab(app: App, open: bool) {
    app.lab.open.set(open);
    if open {
        keep::restore(app);
    }
}

/// Saves the settings of all experiments.
pub fn save_lab_settings(app: App) {
    app.lab.settings.with_untracked(storage::save_lab);
}

/// Selects another dataset, or records why it is not one.
pub fn choose_dataset(app: App, source: Source) {
    match source.dataset(1) {
        Ok(_) => {
            app.lab.source.set(source);
            app.lab.source_error.set(None);
        }
        Err(error) => app.lab.source_error.set(Some(error.to_string())),
    }
}

/// Starts an experiment.
pub fn start_lab(app: App, experiment: Experiment) {
    if app.can_send() {
        begin(app, experiment, false);
        spawn_local(async move {
            run(app, experiment).await;
            app.lab.running.set(None);
        });
    }
}

/// Starts all experiments that can be run, one after the other.
pub fn start_all(app: App) {
    let fits = |of: &Experiment| unfit(*of, app.loaded().as_ref()).is_none();
    let all: Vec<Experiment> = Experiment::ALL.into_iter().filter(fits).collect();
    if !app.can_send() || all.is_empty() {
        return;
    }
    begin(app, all[0], true);
    spawn_local(async move {
        for experiment in all {
            begin(app, experiment, true);
            // A failed experiment reports its error and the others go on, unless the user stopped them or the
            // engine is gone.
            if !run(app, experiment).await || app.loaded_untracked().is_none() {
                break;
            }
        }
        app.lab.running.set(None);
    });
}

/// Stops the running experiment.
pub fn cancel_lab(app: App) {
    app.lab.running.update(|running| {
        if let Some(running) = running {
            running.stopping = true;
        }
    });
    app.send(LabCommand::Stop, &[]);
    talk::stop(app);
}

/// Fails the running experiment, because the engine is gone or is being replaced.
pub(super) fn give_up(app: App, why: &str) {
    talk::lose(app, why);
}

fn begin(app: App, experiment: Experiment, all: bool) {
    talk::start(app);
    app.lab.progress.set(Progress::default());
    app.lab.plot.set(Plot::default());
    app.lab.outcomes.update(|outcomes| {
        outcomes.remove(&experiment);
    });
    app.lab.running.set(Some(Running {
        experiment,
        all,
        stopping: false,
    }));
}

/// Runs an experiment to its end. Returns whether another may follow.
async fn run(app: App, experiment: Experiment) -> bool {
    let settings = app.lab.settings.with_untracked(|all| {
        let of = all.get(&experiment).cloned();
        of.unwrap_or_else(|| LabSettings::of(experiment))
    });
    let spec = Spec {
        experiment,
        source: app.lab.source.get_untracked(),
        settings: settings.clone(),
    };
    let done = measured(app, spec).await;
    app.lab.stage.set(None);
    app.lab.draws_overlay.set(false);
    let outcome = match done {
        Ok((result, records)) => {
            let found = Arc::new(Found {
                result,
                settings,
                records,
            });
            keep::keep(app, &found);
            Outcome::Done(found)
        }
        Err(LabError::Stopped) => Outcome::Stopped,
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let go_on = !matches!(outcome, Outcome::Stopped);
    app.lab.outcomes.update(|outcomes| {
        outcomes.insert(experiment, outcome);
    });
    go_on
}

async fn measured(app: App, spec: Spec) -> Result<(LabResult, Vec<Record>), LabError> {
    let begun = unix_time_seconds();
    let seed = spec.settings.seed;
    let of_page = |machine, data, records| {
        let result = LabResult::new(begun, machine, seed, data);
        Ok((result, records))
    };
    let mut watch = watch::PageWatch::new(app);
    if app.server_untracked().is_some() {
        let (data, records) = match spec.experiment {
            Experiment::Load => loads::load(app, &spec, &mut watch).await?,
            Experiment::Chain => loads::chain(app, &spec, &mut watch).await?,
            experiment => {
                return Err(LabError::NotHere {
                    experiment,
                    why: "a server answers, which has no such thing".into(),
                });
            }
        };
        return of_page(None, data, records);
    }
    let info = app.model_untracked();
    let info = info.ok_or_else(|| LabError::Setting("no model is loaded".into()))?;
    let machine = Machine::of(&info, &info.name);
    let (data, records) = match spec.experiment {
        Experiment::Ladder => {
            let mut layers = layers::PageLayers::new(app, info.has_chat_template);
            let settings = ladder::LadderSettings {
                prompt: spec.source.dataset(1)?.rows.remove(0).prompt,
                lengths: spec.settings.lengths.clone(),
                repeats: spec.settings.repeats,
            };
            let data = ladder::run(&mut layers, settings, &mut watch).await?;
            (Data::Ladder(data), layers.records())
        }
        Experiment::Stub => {
            let settings = stub::StubSettings {
                levels: spec.settings.levels.clone(),
                loads: spec.settings.stub_loads(),
                repeats: spec.settings.repeats,
                tokens: spec.settings.tokens,
            };
            let dataset = spec.source.dataset(0)?;
            let mut stubs = stubs::PageStubs::new(app, dataset, info.has_chat_template);
            let data = stub::run(&mut stubs, settings, &mut watch).await;
            // Restores the stub level that the model was loaded with, whatever the outcome.
            stubs.restore(info.stub).await?;
            (Data::Stub(data?), Vec::new())
        }
        Experiment::Parity => parity::run(app, &spec, &info, &mut watch).await?,
        Experiment::Ablate => {
            let (result, records) = talk::in_worker(app, spec.clone()).await?;
            let data = ablate::with_page(app, result.data, &spec, &info, &mut watch).await?;
            (data, records)
        }
        _ => return talk::in_worker(app, spec).await,
    };
    of_page(Some(machine), data, records)
}

/// Records the progress of a run in the worker.
pub(super) fn advance(app: App, progress: Progress, points: Vec<Point>) {
    if app.lab.running.with_untracked(Option::is_none) {
        return;
    }
    if !points.is_empty() {
        app.lab.plot.update(|plot| plot.extend(points));
    }
    app.lab.progress.set(progress);
}

/// Handles the end of a run in the worker.
pub(super) fn ended(app: App, end: LabEnd) {
    talk::ended(app, end);
}

/// Handles the worker's reply to a change of the stub level.
pub(super) fn stub_set(app: App, error: Option<String>) {
    talk::stub_set(app, error);
}
