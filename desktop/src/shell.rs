//! Connects page, engine and system.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use llamaglass_engine::BackendInfo;
use llamaglass_session::platform::{Platform, RecentModel};
use llamaglass_session::protocol::{
    Command, EngineCommand, EngineReply, Reply, WindowCommand, WindowReply,
};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};
use tauri_plugin_dialog::DialogExt;

use crate::engine::Engine;
use crate::error::{ShellError, note};
use crate::host::ReplyHandler;
use crate::menu::{self, Edit, Item};
use crate::page::{Generation, Page};
use crate::recent::Recent;
use crate::window;

/// Maximum time for which a quit waits for the engine's step.
const STEP_LIMIT: Duration = Duration::from_millis(1500);

/// State around the page that lasts as long as the program.
pub struct Shell {
    app: AppHandle,
    page: Page,
    engine: Mutex<CurrentEngine>,
    recent: Mutex<Recent>,
    adapters: OnceLock<Vec<BackendInfo>>,
    /// Model to open once a page is connected.
    pending: Mutex<Option<PathBuf>>,
}

/// The engine, and the number of its driver.
#[derive(Default)]
struct CurrentEngine {
    engine: Option<Engine>,
    generation: Generation,
}

impl Shell {
    /// Creates the shell; the model `pending` is opened once a page is connected.
    pub fn new(app: AppHandle, recent: Recent, pending: Option<PathBuf>) -> Self {
        Self {
            app,
            page: Page::default(),
            engine: Mutex::default(),
            recent: Mutex::new(recent),
            adapters: OnceLock::new(),
            pending: Mutex::new(pending),
        }
    }

    /// Connects a page and starts an engine for it, since it does not know what an earlier page loaded.
    pub fn connect(&self, channel: Channel<String>) -> Result<(), ShellError> {
        let mut pending = lock(&self.pending);
        self.page.connect(channel);
        self.restart()?;
        if let Some(adapters) = self.adapters.get() {
            self.send_platform(adapters);
        }
        if let Some(path) = pending.take() {
            self.send(WindowReply::Open { path: text(&path) });
        }
        Ok(())
    }

    /// Handles a command for the program, and passes any other on to the engine.
    pub fn handle(&self, command: Command) -> Result<(), ShellError> {
        match command {
            Command::Window(WindowCommand::ChooseModel { folder }) => self.choose(folder),
            Command::Window(WindowCommand::ClearRecent) => {
                let kept = lock(&self.recent).clear();
                self.recent_changed();
                kept?;
            }
            command => {
                if matches!(command, Command::Engine(EngineCommand::Load { .. })) {
                    window::show_model(&self.app, None);
                }
                if let Some(engine) = &lock(&self.engine).engine {
                    engine.send(command);
                }
            }
        }
        Ok(())
    }

    /// Stops the engine and starts another one without a model. Does not wait.
    pub fn restart(&self) -> Result<(), ShellError> {
        let mut current = lock(&self.engine);
        current.generation += 1;
        let generation = current.generation;
        let app = self.app.clone();
        let on_reply: ReplyHandler = Arc::new(move |reply, path| {
            app.state::<Self>().handle_reply(generation, &reply, path);
        });
        match &mut current.engine {
            Some(engine) => engine.restart(on_reply)?,
            None => current.engine = Some(Engine::start(on_reply)?),
        }
        self.page.begin(generation);
        window::show_model(&self.app, None);
        Ok(())
    }

    /// Sends a reply to the page.
    pub fn send(&self, reply: impl Into<Reply>) {
        self.page.send(&reply.into());
    }

    /// Has the page load the model at `path`, now or once it is connected.
    pub fn open(&self, path: &Path) {
        let mut pending = lock(&self.pending);
        if self.page.is_connected() {
            self.send(WindowReply::Open { path: text(path) });
        } else {
            *pending = Some(path.to_owned());
        }
    }

    /// Performs the action of a menu item.
    pub fn choose_item(&self, item: Item) {
        match item {
            Item::OpenFile => self.choose(false),
            Item::OpenFolder => self.choose(true),
            Item::Recent(path) => self.open(Path::new(&path)),
            Item::ClearRecent => {
                if let Err(error) = self.handle(WindowCommand::ClearRecent.into()) {
                    self.notice(&error);
                }
            }
            Item::Quit => {
                if let Some(window) = window::main(&self.app) {
                    let _gone = window.close();
                }
            }
            Item::FullScreen => {
                if let Some(window) = window::main(&self.app) {
                    let full = window.is_fullscreen().unwrap_or(false);
                    let _kept = window.set_fullscreen(!full);
                }
            }
            Item::Edit(edit) => self.edit(edit),
            Item::Page(action) => self.send(WindowReply::Menu { action }),
        }
    }

    /// Asks the drivers for their adapters, on a thread of its own, because some take seconds.
    pub fn find_adapters(app: AppHandle) -> Result<(), ShellError> {
        let thread = std::thread::Builder::new().name("adapters".into());
        let work = move || {
            // If a driver panics, the list of adapters is empty.
            let find = || pollster::block_on(llamaglass_engine::adapters());
            let adapters = catch_unwind(find).unwrap_or_default();
            let shell = app.state::<Self>();
            let adapters = shell.adapters.get_or_init(|| adapters);
            shell.send_platform(adapters);
        };
        thread.spawn(work).map_err(ShellError::Thread)?;
        Ok(())
    }

    /// Returns the recent models that still exist.
    pub fn recent(&self) -> Vec<RecentModel> {
        lock(&self.recent).existing()
    }

    /// Stops the engine. Does not wait.
    pub fn stop(&self) {
        if let Some(engine) = &lock(&self.engine).engine {
            engine.stop();
        }
    }

    /// Ends the engine, or gives up waiting for it after [`STEP_LIMIT`].
    pub fn end(&self) {
        let engine = lock(&self.engine).engine.take();
        if let Some(engine) = engine {
            engine.end_within(STEP_LIMIT);
        }
    }

    /// Handles an engine's reply, which comes with the model's path if it ends a load.
    fn handle_reply(&self, generation: Generation, reply: &Reply, path: Option<String>) {
        if !self.page.send_from(generation, reply) {
            return;
        }
        let Reply::Engine(EngineReply::Loaded { info }) = reply else {
            return;
        };
        window::show_model(&self.app, Some(&info.name));
        if let Some(path) = path {
            let name = info.name.clone();
            let kept = lock(&self.recent).add(RecentModel { path, name });
            if let Err(error) = kept {
                self.notice(&error);
            }
            self.recent_changed();
        }
    }

    /// Updates the recent models in the menu and on the page.
    fn recent_changed(&self) {
        let recent = self.recent();
        let app = self.app.clone();
        let show = move || {
            if let Err(error) = menu::show_recent(&app, &recent) {
                note(&format!("the menu can't show the recent models: {error}"));
            }
        };
        let _gone = self.app.run_on_main_thread(show);
        if let Some(adapters) = self.adapters.get() {
            self.send_platform(adapters);
        }
    }

    fn send_platform(&self, adapters: &[BackendInfo]) {
        let platform = Platform {
            adapters: adapters.to_vec(),
            recent: self.recent(),
        };
        self.send(WindowReply::Platform { platform });
    }

    /// Lets the user choose a model and opens it, unless they cancel.
    fn choose(&self, folder: bool) {
        let mut dialog = self.app.dialog().file();
        if let Some(window) = window::main(&self.app) {
            dialog = dialog.set_parent(&window);
        }
        let last = self.recent().into_iter().next();
        if let Some(folder) = last
            .as_ref()
            .and_then(|last| Path::new(&last.path).parent())
        {
            dialog = dialog.set_directory(folder);
        }
        let app = self.app.clone();
        let chosen = move |path: Option<tauri_plugin_dialog::FilePath>| {
            if let Some(path) = path.and_then(|path| path.into_path().ok()) {
                app.state::<Self>().open(&path);
            }
        };
        if folder {
            let dialog = dialog.set_title("Open a model\u{2019}s folder");
            return dialog.pick_folder(chosen);
        }
        dialog
            .set_title("Open a model")
            .add_filter("Models", &["gguf", "safetensors"])
            .pick_file(chosen);
    }

    #[cfg(target_os = "linux")]
    fn edit(&self, edit: Edit) {
        use webkit2gtk::WebViewExt;
        if let Some(window) = window::main(&self.app) {
            let work = move |view: tauri::webview::PlatformWebview| {
                view.inner().execute_editing_command(edit.command());
            };
            let _gone = window.with_webview(work);
        }
    }

    /// Does nothing: the items of other systems edit by themselves.
    #[cfg(not(target_os = "linux"))]
    fn edit(&self, _edit: Edit) {}

    fn notice(&self, error: &ShellError) {
        let text = error.to_string();
        self.send(WindowReply::Notice { text });
    }
}

/// Converts a path for JSON. A path that is not Unicode is not found later, which is reported.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Locks a mutex, even after a panic: everything under these locks is set in one go, so it is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
