//! State of the page, and the actions that change it.
//!
//! [`App`] is a set of signals that every component can copy; the functions of the submodules change them.
//! Nothing here draws.
//!
//! Signals with an owner are created once, in `App::new` and the constructors that it calls, under the owner of
//! the whole page. Code that runs later, in an event handler or a task, uses reference-counted `Arc` signals,
//! because the owner there belongs to a component and disposes of its signals along with it.
//! `app/tests/state_ownership.rs` checks this.

mod bench;
mod chat;
mod crash;
mod frame;
mod lab;
mod model;
mod pace;
mod program;
mod replies;
mod server;
mod storage;

pub use bench::{Bench, start_bench, stop_bench};
pub use chat::{Turn, TurnState, clear, regenerate, send, stop};
pub use crash::install as report_panics;
pub use frame::show;
pub use lab::{
    Found, Kept, KeptRun, Lab, Outcome, Running, cancel_lab, choose_dataset, delete_run, open_lab,
    save_lab_settings, start_all, start_lab,
};
pub use model::{
    Engine, Load, Loaded, cancel_load, choose_backend, choose_stub, load, load_default, reload,
    restart_engine,
};
pub use program::{choose_adapter, choose_model, forget_recent, open_path};
pub use server::{Connection, OwnServer, ServerForm, cancel_connect, connect, find_own, use_model};
pub use storage::{Keeper, save_chat, save_settings, set_keeper};

use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::*;
use llamaglass_lab::bench::BenchReport;
use llamaglass_types::{BackendInfo, MemoryLedger, ModelInfo};
use web_sys::AbortController;

use crate::catalog::CatalogModel;
use crate::client::{Client, Listener, PageFile};
use crate::platform::Platform;
use crate::protocol::{Command, ModelSource, Reply, Tag};
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
    last_bench: StoredValue<Option<BenchReport>>,
    /// State of the lab.
    pub lab: Lab,
    /// True if the choice of models is open while a model is loaded.
    pub model_open: RwSignal<bool>,
    /// Statistics of every answer.
    pub stats: StoredValue<SessionStats>,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
}

/// State that no component draws.
struct Inner {
    client: RefCell<Option<Rc<dyn Client>>>,
    source: RefCell<Option<(ModelSource, Vec<PageFile>)>>,
    frame: RefCell<frame::Pending>,
    /// Aborts the search for a server's models.
    connecting: RefCell<Option<AbortController>>,
    /// Open waits of the lab.
    lab: lab::Waiting,
    next_tag: std::cell::Cell<Tag>,
    /// The answer that was stopped because it repeated itself, or 0; tags begin at 1.
    repeating: std::cell::Cell<Tag>,
    /// Set once the page has panicked.
    crashed: std::cell::Cell<bool>,
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
            lab: Lab::new(),
            model_open: RwSignal::new(false),
            stats: StoredValue::new(SessionStats::default()),
            inner: StoredValue::new_local(Rc::new(Inner {
                client: RefCell::new(None),
                source: RefCell::new(None),
                frame: RefCell::new(frame::Pending::default()),
                connecting: RefCell::new(None),
                lab: lab::Waiting::default(),
                next_tag: std::cell::Cell::new(next_tag),
                repeating: std::cell::Cell::new(0),
                crashed: std::cell::Cell::new(false),
            })),
        }
    }

    /// Connects the page to the engine's client that `make` creates for a listener.
    pub fn connect(self, make: impl FnOnce(Listener) -> Rc<dyn Client>) {
        let client = make(Rc::new(move |reply| self.hear(reply)));
        self.inner().client.replace(Some(client));
    }

    /// Applies a reply of the engine to the state. Does nothing after a panic of the page: state that the panic
    /// left half changed would only panic again.
    pub fn hear(self, reply: impl Into<Reply>) {
        if !self.inner().crashed.get() {
            replies::hear(self, reply.into());
        }
    }

    /// Returns the loaded model or server.
    pub fn loaded(self) -> Option<Loaded> {
        match self.engine.get() {
            Engine::Loaded(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// Returns the model that is loaded in the page's own engine.
    pub fn model(self) -> Option<ModelInfo> {
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
    fn loaded_untracked(self) -> Option<Loaded> {
        untrack(|| self.loaded())
    }

    /// Like [`Self::model`], but without tracking.
    fn model_untracked(self) -> Option<ModelInfo> {
        untrack(|| self.model())
    }

    /// Like [`Self::server`], but without tracking.
    fn server_untracked(self) -> Option<ServerModel> {
        untrack(|| self.server())
    }

    /// Returns whether a model is loaded and neither an answer, the benchmark nor an experiment is running.
    pub fn can_send(self) -> bool {
        let free = self.running.get().is_none() && !matches!(self.bench.get(), Bench::Running(_));
        let free = free && self.lab.running.with(Option::is_none);
        free && matches!(self.engine.get(), Engine::Loaded(_))
    }

    /// Returns whether the benchmark is running.
    fn benches(self) -> bool {
        matches!(self.bench.get_untracked(), Bench::Running(_))
    }

    /// Sends a command to the engine.
    pub(crate) fn send(self, command: impl Into<Command>, files: &[PageFile]) {
        let client = self.inner().client.borrow().clone();
        if let Some(client) = client {
            client.send(&command.into(), files);
        }
    }

    fn restart_client(self) {
        let client = self.inner().client.borrow().clone();
        if let Some(client) = client {
            client.restart();
        }
    }

    fn inner(self) -> Rc<Inner> {
        self.inner.get_value()
    }

    fn next_tag(self) -> Tag {
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
