//! The page in a window of its own, with the engine in the same program.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod allowed;
mod args;
mod cancel;
mod commands;
mod drawing;
mod dropped;
mod engine;
mod error;
mod events;
mod fetch;
mod host;
mod menu;
mod page;
mod recent;
mod shell;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Args;
use clap::Parser;
use error::{ShellError, note};
use fetch::Fetches;
use llamaglass_engine::platform::BudgetedAllocator;
use menu::Item;
use recent::Recent;
use shell::Shell;
use tauri::{App, AppHandle, Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

/// Limits the memory of models' templates.
#[global_allocator]
static ALLOCATOR: BudgetedAllocator = BudgetedAllocator;

fn main() -> ExitCode {
    let args = Args::parse();
    let folder = std::env::current_dir().unwrap_or_default();
    match run(args.model(&folder)) {
        Ok(code) => code,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs until the window is closed.
fn run(model: Option<PathBuf>) -> Result<ExitCode, ShellError> {
    if cfg!(target_os = "linux") && !has_screen() {
        return Err(ShellError::NoScreen);
    }
    llamaglass_driver::capture_panics();
    let kept = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    let app = tauri::Builder::default()
        // Comes first, because a second start goes no further than this.
        .plugin(tauri_plugin_single_instance::init(second_start))
        .plugin(tauri_plugin_dialog::init())
        .plugin(
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(kept)
                .build(),
        )
        .invoke_handler(tauri::generate_handler![
            commands::connect,
            commands::tell,
            commands::restart,
            commands::fetch,
            commands::stop_fetch,
        ])
        .on_menu_event(|app, event| {
            if let Some(item) = Item::of(event.id().as_ref()) {
                app.state::<Shell>().choose_item(item);
            }
        })
        .setup(move |app| Ok(set_up(app, model)?))
        .build(tauri::generate_context!())?;
    let code = app.run_return(|app, event| match event {
        RunEvent::Exit => end(app),
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            let paths: Vec<PathBuf> = urls
                .iter()
                .filter_map(|url| url.to_file_path().ok())
                .collect();
            if let Some(path) = dropped::model(&paths) {
                app.state::<Shell>().open(&path);
            }
        }
        _ => {}
    });
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn set_up(app: &mut App, model: Option<PathBuf>) -> Result<(), ShellError> {
    let app = app.handle();
    let recent = Recent::load(app.path().app_config_dir()?.join("recent.json"));
    let shown = recent.existing();
    app.manage(Fetches::default());
    app.manage(Shell::new(app.clone(), recent, model));
    app.set_menu(menu::make(app, &shown)?)?;
    window::open(app, events::handle, events::send_notice)?;
    Shell::find_adapters(app.clone())
}

/// Handles a second start of the program: opens its model, if any, and focuses the window.
fn second_start(app: &AppHandle, arguments: Vec<String>, folder: String) {
    if let Some(path) = args::of_second_start(&arguments, &folder) {
        app.state::<Shell>().open(&path);
    }
    window::focus(app);
}

/// Ends the engine within seconds and then the process, once the window is gone and plugins have saved their state.
fn end(app: &AppHandle) -> ! {
    app.state::<Shell>().end();
    // Threads of a graphics driver may still run. A normal exit would free the driver's memory under them, which
    // ends in a signal instead of an exit status.
    app.cleanup_before_exit();
    leave_at_once();
}

#[cfg(unix)]
fn leave_at_once() -> ! {
    // SAFETY: `_exit` may be called from anywhere: it runs none of our code, and the system reclaims the resources
    // of the process.
    unsafe { libc::_exit(0) }
}

/// Here `exit` ends the other threads first.
#[cfg(not(unix))]
fn leave_at_once() -> ! {
    std::process::exit(0)
}

fn has_screen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("WAYLAND_DISPLAY") || set("DISPLAY")
}
