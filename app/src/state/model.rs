//! The loaded model, and how it is loaded.

use leptos::prelude::*;
use llamaglass_types::{BackendChoice, LoadPhase, LoadProgress, ModelInfo, StubLevel};

use super::{App, now};
use crate::catalog::{CatalogModel, default_model};
use crate::client::PageFile;
use crate::protocol::{EngineCommand, ModelSource, StorageCommand};
use crate::server::ServerModel;

/// State of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// Starting.
    Starting,
    /// Running without a model.
    Empty,
    /// Loading a model.
    Loading(Load),
    /// Ready to answer.
    Loaded(Loaded),
    /// Crashed, with this message.
    Crashed(String),
}

/// The model that answers requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// A model in the page's own engine, with all its details.
    Engine(Box<ModelInfo>),
    /// A model on a server, with the details that the server reports.
    Server(Box<ServerModel>),
}

impl Loaded {
    /// Returns the model's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Engine(info) => &info.name,
            Self::Server(server) => &server.model.id,
        }
    }

    /// Returns the length of the context in positions, if it is known.
    pub fn context_length(&self) -> Option<usize> {
        match self {
            Self::Engine(info) => Some(info.context_length),
            Self::Server(server) => server.model.context_length,
        }
    }
}

/// Progress of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Name of the model, or of its first file.
    pub name: String,
    /// Progress within the current phase.
    pub progress: Option<LoadProgress>,
    /// Start of the phase on the page's clock, and how much of it was done then.
    pub since: (f64, u64),
    /// Average rate of the phase in bytes per second, if the phase counts bytes.
    pub bytes_per_s: Option<f64>,
}

impl Load {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            progress: None,
            since: (0.0, 0),
            bytes_per_s: None,
        }
    }

    /// Updates the progress and the rate at `now_ms` on the page's clock.
    pub fn advance(&mut self, progress: LoadProgress, now_ms: f64) {
        if self
            .progress
            .is_none_or(|last| last.phase != progress.phase)
        {
            self.since = (now_ms, progress.done);
            self.bytes_per_s = None;
        }
        let seconds = (now_ms - self.since.0) / 1000.0;
        let counts_bytes = matches!(progress.phase, LoadPhase::Download | LoadPhase::Upload);
        if counts_bytes && seconds >= 0.25 && progress.done > self.since.1 {
            self.bytes_per_s = Some((progress.done - self.since.1) as f64 / seconds);
        }
        self.progress = Some(progress);
    }
}

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
        super::chat::stop(app);
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
    let options = app
        .settings
        .with_untracked(crate::settings::Settings::load_options);
    app.send(EngineCommand::Load { source, options }, &files);
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
    moved(app);
}

/// Saves the choice of backend or adapter and loads the model again there.
pub(super) fn moved(app: App) {
    super::save_settings(app);
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
    super::save_settings(app);
    if app.server().is_none() {
        reload(app);
    }
}

/// Asks the engine for its adapter and for the size of stored models.
pub(super) fn probe(app: App) {
    let options = app
        .settings
        .with_untracked(crate::settings::Settings::load_options);
    app.send(EngineCommand::Probe { options }, &[]);
    app.send(StorageCommand::Measure, &[]);
}

/// Fails the running answer, benchmark and experiment, because their engine is gone.
pub(super) fn fail_running(app: App, why: &str) {
    super::lab::give_up(app, why);
    super::bench::fail(app, why);
    if let Some(tag) = app.running.get_untracked() {
        super::frame::fail(app, tag, why);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(phase: LoadPhase, done: u64) -> LoadProgress {
        LoadProgress {
            phase,
            done,
            total: 100,
        }
    }

    #[test]
    fn rate_excludes_bytes_downloaded_earlier() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 50), 1000.0);
        assert_eq!(load.bytes_per_s, None);
        load.advance(at(LoadPhase::Download, 70), 3000.0);
        assert_eq!(load.bytes_per_s, Some(10.0));
    }

    #[test]
    fn rate_restarts_per_phase_and_is_none_for_steps() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 0), 0.0);
        load.advance(at(LoadPhase::Download, 100), 1000.0);
        load.advance(at(LoadPhase::Parse, 0), 1000.0);
        load.advance(at(LoadPhase::Parse, 2), 2000.0);
        assert_eq!(load.bytes_per_s, None);
    }
}
