//! Which model is loaded, and how it gets there.

use leptos::prelude::*;
use llamaglass_engine::{BackendChoice, LoadPhase, LoadProgress, ModelInfo, StubLevel};

use super::{App, now};
use crate::catalog::{CatalogModel, default_model};
use crate::client::PageFile;
use crate::protocol::{Command, ModelSource};
use crate::server::ServerModel;

/// What the engine is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// It is being started.
    Starting,
    /// It has no model.
    Empty,
    /// It is loading one.
    Loading(Load),
    /// It is ready to answer.
    Loaded(Loaded),
    /// It is gone, for this reason.
    Crashed(String),
}

/// What answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// A model in an engine of this page's own, of which everything is known.
    Engine(Box<ModelInfo>),
    /// A server's, of which is known what it says.
    Server(Box<ServerModel>),
}

impl Loaded {
    /// The model's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Engine(info) => &info.name,
            Self::Server(server) => &server.model.id,
        }
    }

    /// Positions of its context, where that is known.
    pub fn context_length(&self) -> Option<usize> {
        match self {
            Self::Engine(info) => Some(info.context_length),
            Self::Server(server) => server.model.context_length,
        }
    }
}

/// How far a load is.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The model's name, or its first file's.
    pub name: String,
    /// The phase and what is done of it.
    pub progress: Option<LoadProgress>,
    /// When the phase began, on the page's clock, and what was done of it then.
    pub since: (f64, u64),
    /// Bytes in a second over the phase so far, where bytes are counted.
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

    /// Takes news at `now_ms` of the page's clock.
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

/// Loads the model that the server offers first.
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

/// Loads a model in place of the one that is there.
pub fn load(app: App, source: ModelSource, files: Vec<PageFile>) {
    app.inner().source.replace(Some((source, files)));
    reload(app);
}

/// Loads the last model once more, under the settings as they are now.
pub fn reload(app: App) {
    let Some((source, files)) = app.inner().source.borrow().clone() else {
        return probe(app);
    };
    // A worker that has had a model is replaced: its memory can't shrink.
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
    app.send(&Command::Load { source, options }, &files);
}

/// Ends a load, and with it the engine, which starts anew without a model.
pub fn cancel_load(app: App) {
    app.inner().source.replace(None);
    restart(app);
}

/// Starts a new engine in place of one that is gone, with the model that it had.
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

/// Sets where models run, and loads the model again there.
pub fn choose_backend(app: App, backend: BackendChoice) {
    if app.settings.with_untracked(|s| s.backend) == backend {
        return;
    }
    app.settings.update(|settings| settings.backend = backend);
    moved(app);
}

/// Keeps where models run, and loads the model again there.
pub(super) fn moved(app: App) {
    super::save_settings(app);
    app.backend.set(None);
    if app.server().is_some() {
        // A server runs its models where it wants to.
        probe(app);
    } else {
        reload(app);
    }
}

/// Follows the path of requests as far as `level` says, with the model that is loaded.
pub fn choose_stub(app: App, level: StubLevel) {
    app.settings.update(|settings| settings.stub = level);
    super::save_settings(app);
    if app.server().is_none() {
        reload(app);
    }
}

/// Asks which adapter there is.
pub(super) fn probe(app: App) {
    let options = app
        .settings
        .with_untracked(crate::settings::Settings::load_options);
    app.send(&Command::Probe { options }, &[]);
    app.send(&Command::StoredModels, &[]);
}

/// Ends the answer, the benchmark and the experiment that run, because their engine is gone.
pub(super) fn fail_running(app: App, why: &str) {
    super::lab::give_up(app, why);
    super::bench::fail(app, why);
    if let Some(tag) = app.running.get_untracked() {
        super::frame::fail(app, tag, why);
    }
}

/// Notes news of a load.
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
    fn the_rate_leaves_out_what_an_earlier_visit_downloaded() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 50), 1000.0);
        assert_eq!(load.bytes_per_s, None);
        load.advance(at(LoadPhase::Download, 70), 3000.0);
        assert_eq!(load.bytes_per_s, Some(10.0));
    }

    #[test]
    fn every_phase_has_its_own_rate_and_steps_have_none() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 0), 0.0);
        load.advance(at(LoadPhase::Download, 100), 1000.0);
        load.advance(at(LoadPhase::Parse, 0), 1000.0);
        load.advance(at(LoadPhase::Parse, 2), 2000.0);
        assert_eq!(load.bytes_per_s, None);
    }
}
