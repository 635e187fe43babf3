//! What the page knows, and what it does about it.
//!
//! [`App`] is a handful of signals that every component can copy; the functions of the submodules
//! change them. Nothing here draws.
//!
//! Signals with an owner are made once, in `App::new` and the constructors that it calls, under the owner
//! of the whole page. What is made later, inside an event handler or a task, uses the reference-counted
//! `Arc` signals, because the owner that is current there is a component's and goes with it.
//! `app/tests/state_ownership.rs` holds this folder to that.

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
use llamaglass_engine::{BackendInfo, MemoryLedger, ModelInfo};
use web_sys::AbortController;

use crate::catalog::CatalogModel;
use crate::client::{Client, Listener, PageFile};
use crate::platform::Platform;
use crate::protocol::{Command, ModelSource, Reply, Tag};
use crate::server::ServerModel;
use crate::settings::Settings;
use crate::stats::{SessionStats, Summary};

/// Everything the page knows.
#[derive(Clone, Copy)]
pub struct App {
    /// What the user set.
    pub settings: RwSignal<Settings>,
    /// What the engine is doing.
    pub engine: RwSignal<Engine>,
    /// Bytes of the engine's program downloaded so far and in all (0 where unknown), while it starts.
    pub engine_download: RwSignal<Option<(u64, u64)>>,
    /// The adapter, or why there is none; `None` until it is known.
    pub backend: RwSignal<Option<Result<BackendInfo, String>>>,
    /// The models that the server offers; `None` until they are known.
    pub catalog: RwSignal<Option<Result<Vec<CatalogModel>, String>>>,
    /// What the program around the page has; nothing in a browser.
    pub platform: RwSignal<Option<Platform>>,
    /// Whether something is dragged over that program's window.
    pub hovering: RwSignal<bool>,
    /// The server that is being looked for.
    pub server_form: ServerForm,
    /// What the model that is being loaded will take.
    pub planned: RwSignal<Option<MemoryLedger>>,
    /// What went wrong last, in words.
    pub error: RwSignal<Option<String>>,
    /// What the user should know.
    pub notice: RwSignal<Option<String>>,
    /// The conversation.
    pub turns: RwSignal<Vec<Turn>>,
    /// Text in the composer that has not been sent.
    pub draft: RwSignal<String>,
    /// The request that is being answered.
    pub running: RwSignal<Option<Tag>>,
    /// The answer whose tokens the timeline shows.
    pub shown: RwSignal<Option<Tag>>,
    /// Changes whenever the shown answer has new steps.
    pub revision: RwSignal<u64>,
    /// The figures of the shown answer; told twice a second while it is made, and at its end.
    pub summary: RwSignal<Summary>,
    /// The step under the pointer or the focus: an index into the shown answer's steps.
    pub focused: RwSignal<Option<usize>>,
    /// Bytes of kept downloads; `None` where the browser keeps none, or it is not known.
    pub stored: RwSignal<Option<u64>>,
    /// Whether the settings are open.
    pub settings_open: RwSignal<bool>,
    /// How the benchmark is.
    pub bench: RwSignal<Bench>,
    /// Whether it is open.
    pub bench_open: RwSignal<bool>,
    /// What the one before found.
    last_bench: StoredValue<Option<BenchReport>>,
    /// The lab.
    pub lab: Lab,
    /// Whether the choice of models is open over a model that is loaded.
    pub model_open: RwSignal<bool>,
    /// All that is known of every answer.
    pub stats: StoredValue<SessionStats>,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
}

/// What no component draws.
struct Inner {
    client: RefCell<Option<Rc<dyn Client>>>,
    source: RefCell<Option<(ModelSource, Vec<PageFile>)>>,
    frame: RefCell<frame::Pending>,
    /// Ends the search for a server's models.
    connecting: RefCell<Option<AbortController>>,
    /// What the lab waits for.
    lab: lab::Waiting,
    next_tag: std::cell::Cell<Tag>,
    /// The answer that was stopped because it repeated itself; tags begin at 1.
    repeating: std::cell::Cell<Tag>,
    /// Set once the page has panicked.
    crashed: std::cell::Cell<bool>,
}

impl App {
    /// The state of a page that has just been opened, with what an earlier visit kept.
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

    /// Connects the page to the engine that `make` gives for a listener.
    pub fn connect(self, make: impl FnOnce(Listener) -> Rc<dyn Client>) {
        let client = make(Rc::new(move |reply| self.hear(reply)));
        self.inner().client.replace(Some(client));
    }

    /// Takes a reply of the engine into the state. After a panic of the page it does nothing: state that a
    /// panic left half changed would only panic again.
    pub fn hear(self, reply: Reply) {
        if !self.inner().crashed.get() {
            replies::hear(self, reply);
        }
    }

    /// What answers.
    pub fn loaded(self) -> Option<Loaded> {
        match self.engine.get() {
            Engine::Loaded(loaded) => Some(loaded),
            _ => None,
        }
    }

    /// The model that is loaded in the page's own engine.
    pub fn model(self) -> Option<ModelInfo> {
        match self.loaded() {
            Some(Loaded::Engine(info)) => Some(*info),
            _ => None,
        }
    }

    /// The server's model that answers in place of it.
    pub fn server(self) -> Option<ServerModel> {
        match self.loaded() {
            Some(Loaded::Server(server)) => Some(*server),
            _ => None,
        }
    }

    /// [`Self::loaded`], for what does not follow it.
    fn loaded_untracked(self) -> Option<Loaded> {
        untrack(|| self.loaded())
    }

    /// [`Self::model`], for what does not follow it.
    fn model_untracked(self) -> Option<ModelInfo> {
        untrack(|| self.model())
    }

    /// [`Self::server`], for what does not follow it.
    fn server_untracked(self) -> Option<ServerModel> {
        untrack(|| self.server())
    }

    /// Whether a model is loaded and nothing is being answered.
    pub fn can_send(self) -> bool {
        let free = self.running.get().is_none() && !matches!(self.bench.get(), Bench::Running(_));
        let free = free && self.lab.running.with(Option::is_none);
        free && matches!(self.engine.get(), Engine::Loaded(_))
    }

    /// Whether the benchmark runs.
    fn benches(self) -> bool {
        matches!(self.bench.get_untracked(), Bench::Running(_))
    }

    /// Hands a command to the engine.
    pub(crate) fn send(self, command: &Command, files: &[PageFile]) {
        let client = self.inner().client.borrow().clone();
        if let Some(client) = client {
            client.send(command, files);
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

/// The state, from anywhere below the component that provided it.
pub fn app() -> App {
    expect_context()
}

/// Milliseconds of the page's clock.
pub fn now() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |clock| clock.now())
}
