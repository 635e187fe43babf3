//! The loaded model, and how it is loaded.

use leptos::prelude::*;
use llamaglass_lab::StubLevel;
use llamaglass_types::{BackendChoice, LoadProgress};

use super::app::{App, now};
use super::{bench, chat, frame, lab};
use crate::catalog::{CatalogModel, default_model};
use crate::client::PageFile;
use crate::engine::{Engine, Load};
use crate::protocol::{EngineCommand, ModelSource, StorageCommand};
use crate::settings::Settings;

/// Loads the default model of the server that the page came from.
pub fn load_default(app: App) {
    let model = app.catalog.with_untracked(|catalog| {
        let models = catalog.as_ref()?.as_ref().ok()?;
        default_model(models).cloned()
    });
    if let Some(model) = model {
        load_catalog(app, model);
    }
}

fn load_catalog(app: App, model: CatalogModel) {
    let href = document().base_uri().ok().flatten();
    let here = href.unwrap_or_default();
    let folder = here.rfind('/').map_or("/", |at| &here[..=at]);
    let base = format!("{folder}models/");
    load(app, ModelSource::Catalog { model, base }, Vec::new());
}

/// Loads a model in place of the current one.
pub fn load(app: App, source: ModelSource, files: Vec<PageFile>) {
    app.inner().source.replace(Some((source, files)));
    reload(app);
}

/// Loads the last model again, under the current settings.
pub fn reload(app: App) {
    let Some((source, files)) = app.inner().source.borrow().clone() else {
        return probe(app);
    };
    // A worker that has had a model is replaced, because its memory can't shrink.
    if !matches!(app.engine.get_untracked(), Engine::Starting | Engine::Empty) {
        chat::stop(app);
        app.restart_client();
    }
    fail_running(app, "the engine was started again");
    let name = match &source {
        ModelSource::Catalog { model, .. } => model.name.clone(),
        ModelSource::Files => match files.as_slice() {
            [one] => one.path.clone(),
            [first, ..] => first.path.split('/').next().unwrap_or_default().to_owned(),
            [] => String::new(),
        },
        ModelSource::Local { path } => {
            let name = path.trim_end_matches(['/', '\\']);
            name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned()
        }
        ModelSource::Server { server, .. } => server.model.id.clone(),
    };
    app.error.set(None);
    app.notice.set(None);
    app.planned.set(None);
    app.engine.set(Engine::Loading(Load::new(name)));
    let (options, stub) = app
        .settings
        .with_untracked(|settings| (settings.load_options(), settings.stub));
    let load = EngineCommand::Load {
        source,
        options,
        stub,
    };
    app.send(load, &files);
}

/// Cancels a load, which restarts the engine without a model.
pub fn cancel_load(app: App) {
    app.inner().source.replace(None);
    restart(app);
}

/// Restarts a crashed engine, with the model that it had.
pub fn restart_engine(app: App) {
    if app.inner().source.borrow().is_some() {
        reload(app);
    } else {
        restart(app);
    }
}

fn restart(app: App) {
    fail_running(app, "the engine was started again");
    app.error.set(None);
    app.planned.set(None);
    app.engine.set(Engine::Starting);
    app.restart_client();
    probe(app);
}

/// Sets the backend and loads the model again on it.
pub fn choose_backend(app: App, backend: BackendChoice) {
    if app.settings.with_untracked(|s| s.backend) == backend {
        return;
    }
    app.settings.update(|settings| settings.backend = backend);
    apply_device_choice(app);
}

/// Saves the choice of backend or adapter and loads the model again there.
pub(super) fn apply_device_choice(app: App) {
    app.save_settings();
    app.backend.set(None);
    if app.server().is_some() {
        // A server chooses for itself where its models run.
        probe(app);
    } else {
        reload(app);
    }
}

/// Sets the stub level and loads the model again with it.
pub fn choose_stub(app: App, level: StubLevel) {
    app.settings.update(|settings| settings.stub = level);
    app.save_settings();
    if app.server().is_none() {
        reload(app);
    }
}

/// Asks the engine for its adapter and for the size of stored models.
pub(super) fn probe(app: App) {
    let options = app.settings.with_untracked(Settings::load_options);
    app.send(EngineCommand::Probe { options }, &[]);
    app.send(StorageCommand::Measure, &[]);
}

/// Fails the running answer, benchmark and experiment, because their engine is gone.
pub(super) fn fail_running(app: App, why: &str) {
    lab::fail_running(app, why);
    bench::fail(app, why);
    if let Some(tag) = app.running.get_untracked() {
        frame::fail(app, tag, why);
    }
}

/// Updates the progress of a load.
pub(super) fn advance(app: App, progress: LoadProgress) {
    app.engine.update(|engine| {
        if let Engine::Loading(load) = engine {
            load.advance(progress, now());
        }
    });
}
