//! Commands that the page may call: these, and none of Tauri's own (`capabilities/main.json`).

use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use crate::error::ShellError;
use crate::fetch::Fetches;
use crate::shell::Shell;

/// Sends all later replies through `channel`, as JSON. A page calls this once, when it starts.
#[tauri::command]
pub fn connect(
    shell: State<'_, Shell>,
    fetches: State<'_, Fetches>,
    channel: Channel<String>,
) -> Result<(), ShellError> {
    // These belong to an earlier page, which is gone.
    fetches.stop_all();
    shell.connect(channel)
}

/// Handles a command, given as JSON.
#[tauri::command]
pub fn tell(shell: State<'_, Shell>, command: &str) -> Result<(), ShellError> {
    let command = serde_json::from_str(command).map_err(ShellError::Command)?;
    shell.handle(command)
}

/// Stops the engine and unloads the model.
#[tauri::command]
pub fn restart(shell: State<'_, Shell>) -> Result<(), ShellError> {
    shell.restart()
}

/// Makes a request, given as JSON. Its response goes through `channel`, as JSON.
#[tauri::command]
pub fn fetch(app: AppHandle, request: &str, channel: Channel<String>) -> Result<(), ShellError> {
    let request = serde_json::from_str(request).map_err(ShellError::Command)?;
    Fetches::start(&app, request, channel);
    Ok(())
}

/// Stops the request with this number, if it is still running.
#[tauri::command]
pub fn stop_fetch(fetches: State<'_, Fetches>, id: u64) {
    fetches.stop(id);
}
