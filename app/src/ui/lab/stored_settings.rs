//! Access to the saved settings of an experiment.

use leptos::prelude::*;
use llamaglass_lab::Experiment;

use crate::lab::LabSettings;
use crate::state::{self, App, app};

/// Reads a value from the experiment's current settings.
pub fn read<T>(experiment: Experiment, of: impl Fn(&LabSettings) -> T) -> T {
    app()
        .lab
        .settings
        .with_untracked(|all| match all.get(&experiment) {
            Some(settings) => of(settings),
            None => of(&LabSettings::of(experiment)),
        })
}

/// Changes the settings and saves them.
pub fn change(app: App, experiment: Experiment, edit: impl FnOnce(&mut LabSettings)) {
    app.lab.settings.update(|all| {
        let of = all.entry(experiment);
        edit(of.or_insert_with(|| LabSettings::of(experiment)));
    });
    state::save_lab_settings(app);
}
