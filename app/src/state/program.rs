//! Actions of the desktop program around the page: its menu, its dialogs, and drops onto its window.

use leptos::prelude::*;

use super::{App, chat, lab, model, storage};
use crate::platform::MenuAction;
use crate::protocol::{ModelSource, WindowCommand};

/// Lets the user choose a model on this machine; the program shows the dialog.
pub fn choose_model(app: App, folder: bool) {
    app.send(WindowCommand::ChooseModel { folder }, &[]);
}

/// Clears the list of recent models.
pub fn forget_recent(app: App) {
    app.send(WindowCommand::ClearRecent, &[]);
}

/// Loads a model on this machine.
pub fn open_path(app: App, path: String) {
    app.model_open.set(false);
    model::load(app, ModelSource::Local { path }, Vec::new());
}

/// Sets the adapter and loads the model again on it.
pub fn choose_adapter(app: App, adapter: Option<String>) {
    if app.settings.with_untracked(|s| s.adapter == adapter) {
        return;
    }
    app.settings.update(|settings| settings.adapter = adapter);
    model::moved(app);
}

/// Performs the action of a menu item.
pub(super) fn obey(app: App, action: MenuAction) {
    // Closes other dialogs, which would hide the new one.
    let alone = |open: RwSignal<bool>| {
        for dialog in [app.settings_open, app.model_open, app.bench_open] {
            dialog.set(false);
        }
        open.set(true);
    };
    match action {
        MenuAction::NewChat => chat::clear(app),
        MenuAction::Stop => chat::stop(app),
        MenuAction::Models => alone(app.model_open),
        MenuAction::Settings => alone(app.settings_open),
        MenuAction::Benchmark => alone(app.bench_open),
        MenuAction::Lab => lab::open_lab(app, !app.lab.open.get_untracked()),
        MenuAction::Overlay => {
            app.settings.update(|s| s.overlay = !s.overlay);
            storage::save_settings(app);
        }
    }
}
