//! The lab: running experiments, their outcomes, and saved runs.

mod ablate;
mod answers;
mod layers;
mod loads;
mod parity;
mod requests;
mod saved_runs;
mod stubs;
mod watch;

pub(super) use requests::{deliver, deliver_end, deliver_stub_set, fail_all as fail_running};
pub use saved_runs::delete_run;
pub(super) use watch::advance;

use llamaglass_lab::LoadedModel;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use llamaglass_lab::experiments::{ladder, stub};
use llamaglass_lab::{Data, Experiment, LabError, LabResult, Machine, Progress};
use llamaglass_types::clock::unix_time_seconds;
use llamaglass_types::stats::Record;

use super::app::App;
use super::data::{RunOutcome, Running, storage};
use crate::lab::{CompletedRun, LabSettings, Plot, Source, Spec, unsupported_reason};
use crate::protocol::LabCommand;

/// Shows the lab if `open`, otherwise the conversation.
pub fn open_lab(app: App, open: bool) {
    app.lab.open.set(open);
    if open {
        saved_runs::restore(app);
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
    let is_supported = |of: &Experiment| unsupported_reason(*of, app.loaded().as_ref()).is_none();
    let all: Vec<Experiment> = Experiment::ALL.into_iter().filter(is_supported).collect();
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
    requests::stop(app);
}

fn begin(app: App, experiment: Experiment, all: bool) {
    requests::start(app);
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
    let run = measure(app, spec).await;
    app.lab.stage.set(None);
    app.lab.draws_overlay.set(false);
    let outcome = match run {
        Ok((result, records)) => {
            let run = Arc::new(CompletedRun {
                result,
                settings,
                records,
            });
            saved_runs::save(app, &run);
            RunOutcome::Done(run)
        }
        Err(LabError::Stopped) => RunOutcome::Stopped,
        Err(error) => RunOutcome::Failed(error.to_string()),
    };
    let go_on = !matches!(outcome, RunOutcome::Stopped);
    app.lab.outcomes.update(|outcomes| {
        outcomes.insert(experiment, outcome);
    });
    go_on
}

async fn measure(app: App, spec: Spec) -> Result<(LabResult, Vec<Record>), LabError> {
    let begun = unix_time_seconds();
    let seed = spec.settings.seed;
    let mut watch = watch::PageWatch::new(app);
    let (machine, (data, records)) = if app.server_untracked().is_some() {
        (None, measure_server(app, &spec, &mut watch).await?)
    } else {
        let info = app.model_untracked();
        let info = info.ok_or_else(|| LabError::Setting("no model is loaded".into()))?;
        let machine = Machine::of(&info, &info.name);
        match spec.experiment {
            Experiment::Ladder | Experiment::Stub | Experiment::Parity | Experiment::Ablate => {
                let measured = measure_page(app, &spec, &info, &mut watch).await?;
                (Some(machine), measured)
            }
            _ => return requests::run_in_engine(app, spec).await,
        }
    };
    Ok((LabResult::new(begun, machine, seed, data), records))
}

async fn measure_server(
    app: App,
    spec: &Spec,
    watch: &mut watch::PageWatch,
) -> Result<(Data, Vec<Record>), LabError> {
    match spec.experiment {
        Experiment::Load => loads::load(app, spec, watch).await,
        Experiment::Chain => loads::chain(app, spec, watch).await,
        experiment => Err(LabError::NotHere {
            experiment,
            why: "a server answers, which does not support it".into(),
        }),
    }
}

/// Runs an experiment that involves the page itself.
async fn measure_page(
    app: App,
    spec: &Spec,
    info: &LoadedModel,
    watch: &mut watch::PageWatch,
) -> Result<(Data, Vec<Record>), LabError> {
    let settings = &spec.settings;
    match spec.experiment {
        Experiment::Ladder => {
            let mut layers = layers::PageLayers::new(app, info.has_chat_template);
            let settings = ladder::LadderSettings {
                prompt: spec.source.dataset(1)?.rows.remove(0).prompt,
                lengths: settings.lengths.clone(),
                repeats: settings.repeats,
            };
            let data = ladder::run(&mut layers, settings, watch).await?;
            Ok((Data::Ladder(data), layers.records()))
        }
        Experiment::Stub => {
            let settings = stub::StubSettings {
                levels: settings.levels.clone(),
                loads: settings.stub_loads(),
                repeats: settings.repeats,
                tokens: settings.tokens,
            };
            let dataset = spec.source.dataset(0)?;
            let mut stubs = stubs::PageStubs::new(app, dataset, info.has_chat_template);
            let data = stub::run(&mut stubs, settings, watch).await;
            // Restores the stub level that the model was loaded with, whatever the outcome.
            stubs.restore(info.stub).await?;
            Ok((Data::Stub(data?), Vec::new()))
        }
        Experiment::Parity => parity::run(app, spec, info, watch).await,
        _ => {
            let (result, records) = requests::run_in_engine(app, spec.clone()).await?;
            let data = ablate::with_page(app, result.data, spec, info, watch).await?;
            Ok((data, records))
        }
    }
}
