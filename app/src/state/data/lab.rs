//! State of the lab.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_lab::{Experiment, Progress};

use super::turn::Turn;
use crate::lab::{CompletedRun, LabSettings, Plot, Source};

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
    pub outcomes: RwSignal<BTreeMap<Experiment, RunOutcome>>,
    /// Saved runs.
    pub saved_runs: RwSignal<SavedRuns>,
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
pub enum RunOutcome {
    /// Finished with a result.
    Done(Arc<CompletedRun>),
    /// The user stopped it.
    Stopped,
    /// Failed, for this reason.
    Failed(String),
}

impl Lab {
    /// Creates the state with the saved settings of experiments; the others get their defaults.
    pub fn new(mut settings: BTreeMap<Experiment, LabSettings>) -> Self {
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
            saved_runs: RwSignal::new(SavedRuns::Unread),
            stage: RwSignal::new(None),
            draws_overlay: RwSignal::new(false),
        }
    }
}

/// State of the saved runs.
#[derive(Clone, Debug)]
pub enum SavedRuns {
    /// Not read yet.
    Unread,
    /// The browser saves nothing, for this reason.
    Unavailable(String),
    /// The saved runs, oldest first.
    Runs(Vec<SavedRun>),
}

/// A saved run.
#[derive(Clone, Debug)]
pub struct SavedRun {
    /// Storage key.
    pub key: String,
    /// The run.
    pub run: Arc<CompletedRun>,
}

impl SavedRuns {
    /// Returns the saved runs of one experiment, newest first.
    pub fn of(&self, experiment: Experiment) -> Vec<SavedRun> {
        let Self::Runs(runs) = self else {
            return Vec::new();
        };
        let is_of = |saved: &&SavedRun| saved.run.result.data.experiment() == experiment;
        runs.iter().rev().filter(is_of).cloned().collect()
    }
}
