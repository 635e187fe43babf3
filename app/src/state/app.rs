//! The page's state as a whole: a set of signals that every component can copy.

use llamaglass_lab::LoadedModel;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::prelude::*;
use llamaglass_lab::bench::BenchReport;
use llamaglass_types::{BackendInfo, MemoryLedger};
use web_sys::AbortController;

use super::data::{Bench, FrameQueue, Lab, LabWaits, ServerForm, Turn, storage};
use crate::catalog::CatalogModel;
use crate::client::{Client, PageFile};
use crate::engine::{Engine, Loaded};
use crate::platform::Platform;
use crate::protocol::{Command, ModelSource, Tag};
use crate::server::ServerModel;
use crate::settings::Settings;
use crate::stats::{SessionStats, Summary};

/// State of the page.
#[derive(Clone, Copy)]
pub struct App {
    /// Settings of the user.
    pub settings: RwSignal<Settings>,
    /// State of the engine.
    pub engine: RwSignal<Engine>,
    /// Downloaded and total bytes of the engine's program while it starts; the total is 0 if unknown.
    pub engine_download: RwSignal<Option<(u64, u64)>>,
    /// The adapter, or the reason why there is none; `None` until it is known.
    pub backend: RwSignal<Option<Result<BackendInfo, String>>>,
    /// Models that the server offers; `None` until they are known.
    pub catalog: RwSignal<Option<Result<Vec<CatalogModel>, String>>>,
    /// Features of the desktop program around the page; `None` in a browser.
    pub platform: RwSignal<Option<Platform>>,
    /// True while something is dragged over the desktop program's window.
    pub hovering: RwSignal<bool>,
    /// Form that finds a server.
    pub server_form: ServerForm,
    /// Planned memory of the model that is being loaded.
    pub planned: RwSignal<Option<MemoryLedger>>,
    /// Message of the last error.
    pub error: RwSignal<Option<String>>,
    /// Message that is not an error.
    pub notice: RwSignal<Option<String>>,
    /// The conversation.
    pub turns: RwSignal<Vec<Turn>>,
    /// Text in the composer that has not been sent.
    pub draft: RwSignal<String>,
    /// Request that is being answered.
    pub running: RwSignal<Option<Tag>>,
    /// Answer whose tokens the timeline shows.
    pub shown: RwSignal<Option<Tag>>,
    /// Changes whenever the shown answer has new steps.
    pub revision: RwSignal<u64>,
    /// Figures of the shown answer, updated twice a second while it runs and at its end.
    pub summary: RwSignal<Summary>,
    /// Step under the pointer or the focus, as an index into the shown answer's steps.
    pub focused: RwSignal<Option<usize>>,
    /// Bytes of stored downloads; `None` if the browser stores none or it is unknown.
    pub stored: RwSignal<Option<u64>>,
    /// True if the settings are open.
    pub settings_open: RwSignal<bool>,
    /// State of the benchmark.
    pub bench: RwSignal<Bench>,
    /// True if the benchmark's dialog is open.
    pub bench_open: RwSignal<bool>,
    /// Report of the previous benchmark.
    pub(super) last_bench: StoredValue<Option<BenchReport>>,
    /// State of the lab.
    pub lab: Lab,
    /// True if the choice of models is open while a model is loaded.
    pub model_open: RwSignal<bool>,
    /// Statistics of every answer.
    pub stats: StoredValue<SessionStats>,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
}

/// State that no component draws.
pub(super) struct Inner {
    client: RefCell<Option<Rc<dyn Client>>>,
    pub(super) source: RefCell<Option<(ModelSource, Vec<PageFile>)>>,
    pub(super) frame: RefCell<FrameQueue>,
    /// Aborts the running search for a server's models.
    pub(super) connecting: RefCell<Option<AbortController>>,
    /// Replies that the lab waits for.
    pub(super) lab: LabWaits,
    next_tag: Cell<Tag>,
    /// The answer that was stopped because it repeated itself, or 0; tags begin at 1.
    pub(super) repeating: Cell<Tag>,
    /// Set once the page has panicked.
    pub(super) crashed: Cell<bool>,
}

impl App {
    /// Creates the state of a newly opened page from what an earlier visit saved.
    pub fn new() -> Self {
        let (settings, turns) = storage::restore();
        let next_tag = turns.len() as Tag;
        let server_form = ServerForm::new(settings.server.as_ref());
        Self {
            settings: RwSignal::new(settings),
            engine: RwSignal::new(Engine::Starting),
            engine_download: RwSignal::new(None),
            backend: RwSignal::new(None),
            catalog: RwSignal::new(None),
            platform: RwSignal::new(None),
            hovering: RwSignal::new(false),
            server_form,
            planned: RwSignal::new(None),
            error: RwSignal::new(None),
            notice: RwSignal::new(None),
            turns: RwSignal::new(turns),
            draft: RwSignal::new(String::new()),
            running: RwSignal::new(None),
            shown: RwSignal::new(None),
            revision: RwSignal::new(0),
            summary: RwSignal::new(Summary::default()),
            focused: RwSignal::new(None),
            stored: RwSignal::new(None),
            settings_open: RwSignal::new(false),
            bench: RwSignal::new(Bench::Idle),
            bench_open: RwSignal::new(false),
            last_bench: StoredValue::new(None),
            lab: Lab::new(storage::restore_lab()),
            model_open: RwSignal::new(false),
            stats: StoredValue::new(SessionStats::default()),
            inner: StoredValue::new_local(Rc::new(Inner {
                client: RefCell::new(None),
                source: RefCell::new(None),
                frame: RefCell::new(FrameQueue::default()),
                connecting: RefCell::new(None),
                lab: LabWaits::default(),
                next_tag: Cell::new(next_tag),
                repeating: Cell::new(0),
                crashed: Cell::new(false),
            })),
        }
    }

    /// Sends all further commands to `client`.
    pub(super) fn set_client(self, client: Rc<dyn Client>) {
        self.inner().client.replace(Some(client));
    }

    /// Returns the loaded model or server.
    pub fn loaded(self) -> Option<Loaded> {
        match self.engine.get() {
            Engine::Loaded(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// Returns the model that is loaded in the page's own engine.
    pub fn model(self) -> Option<LoadedModel> {
        match self.loaded() {
            Some(Loaded::Engine(info)) => Some(*info),
            _ => None,
        }
    }

    /// Returns the server's model, if a server answers in place of the engine.
    pub fn server(self) -> Option<ServerModel> {
        match self.loaded() {
            Some(Loaded::Server(server)) => Some(*server),
            _ => None,
        }
    }

    /// Like [`Self::loaded`], but without tracking.
    pub(super) fn loaded_untracked(self) -> Option<Loaded> {
        untrack(|| self.loaded())
    }

    /// Like [`Self::model`], but without tracking.
    pub(super) fn model_untracked(self) -> Option<LoadedModel> {
        untrack(|| self.model())
    }

    /// Like [`Self::server`], but without tracking.
    pub(super) fn server_untracked(self) -> Option<ServerModel> {
        untrack(|| self.server())
    }

    /// Returns whether a model is loaded and neither an answer, the benchmark nor an experiment is running.
    pub fn can_send(self) -> bool {
        self.running.get().is_none()
            && !matches!(self.bench.get(), Bench::Running(_))
            && self.lab.running.with(Option::is_none)
            && matches!(self.engine.get(), Engine::Loaded(_))
    }

    /// Returns whether the benchmark is running.
    pub(super) fn is_benchmarking(self) -> bool {
        matches!(self.bench.get_untracked(), Bench::Running(_))
    }

    /// Saves the settings for the next visit.
    pub fn save_settings(self) {
        self.settings.with_untracked(storage::save_settings);
    }

    /// Saves the conversation for the next visit.
    pub fn save_chat(self) {
        self.turns.with_untracked(|turns| storage::save_chat(turns));
    }

    /// Sends a command to the engine.
    pub(crate) fn send(self, command: impl Into<Command>, files: &[PageFile]) {
        let client = self.inner().client.borrow().clone();
        if let Some(client) = client {
            client.send(&command.into(), files);
        }
    }

    /// Terminates the engine and starts a new one.
    pub(super) fn restart_client(self) {
        let client = self.inner().client.borrow().clone();
        if let Some(client) = client {
            client.restart();
        }
    }

    pub(super) fn inner(self) -> Rc<Inner> {
        self.inner.get_value()
    }

    /// Returns the number for a new request or answer.
    pub(super) fn next_tag(self) -> Tag {
        let inner = self.inner();
        let tag = inner.next_tag.get() + 1;
        inner.next_tag.set(tag);
        tag
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the state, anywhere below the component that provided it.
pub fn app() -> App {
    expect_context()
}

/// Returns the time on the page's clock in milliseconds.
pub fn now() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |clock| clock.now())
}
