//! Actions of the desktop program around the page: its menu, its dialogs, and drops onto its window.

use leptos::prelude::*;

use super::app::App;
use super::{chat, lab, model};
use crate::platform::MenuAction;
use crate::protocol::{ModelSource, WindowCommand};

/// Lets the user choose a model on this machine; the program shows the dialog.
pub fn choose_model(app: App, folder: bool) {
    app.send(WindowCommand::ChooseModel { folder }, &[]);
}

/// Clears the list of recent models.
pub fn clear_recent(app: App) {
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
    model::apply_device_choice(app);
}

/// Performs the action of a menu item.
pub(super) fn handle_menu(app: App, action: MenuAction) {
    // Closes other dialogs, which would hide the new one.
    let open_only = |open: RwSignal<bool>| {
        for dialog in [app.settings_open, app.model_open, app.bench_open] {
            dialog.set(false);
        }
        open.set(true);
    };
    match action {
        MenuAction::NewChat => chat::clear(app),
        MenuAction::Stop => chat::stop(app),
        MenuAction::Models => open_only(app.model_open),
        MenuAction::Settings => open_only(app.settings_open),
        MenuAction::Benchmark => open_only(app.bench_open),
        MenuAction::Lab => lab::open_lab(app, !app.lab.open.get_untracked()),
        MenuAction::Overlay => {
            app.settings.update(|s| s.overlay = !s.overlay);
            app.save_settings();
        }
    }
}
