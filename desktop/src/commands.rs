//! What the page may ask of the program: these, and nothing of Tauri's (`capabilities/main.json`).

use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use crate::error::ShellError;
use crate::fetch::Fetches;
use crate::shell::Shell;

/// From here on, replies go through `channel`, as JSON. A page asks this once, when it begins.
#[tauri::command]
pub fn connect(
    shell: State<'_, Shell>,
    fetches: State<'_, Fetches>,
    channel: Channel<String>,
) -> Result<(), ShellError> {
    // Of another page, which is gone.
    fetches.stop_all();
    shell.connect(channel)
}

/// Obeys a command, which is JSON.
#[tauri::command]
pub fn tell(shell: State<'_, Shell>, command: &str) -> Result<(), ShellError> {
    let command = serde_json::from_str(command).map_err(ShellError::Command)?;
    shell.obey(command)
}

/// Ends what the engine does, and forgets the model.
#[tauri::command]
pub fn restart(shell: State<'_, Shell>) -> Result<(), ShellError> {
    shell.restart()
}

/// Makes a request, which is JSON; what comes of it goes through `channel`, as JSON.
#[tauri::command]
pub fn fetch(app: AppHandle, asked: &str, channel: Channel<String>) -> Result<(), ShellError> {
    let asked = serde_json::from_str(asked).map_err(ShellError::Command)?;
    Fetches::begin(&app, asked, channel);
    Ok(())
}

/// Ends the request of this number, if it has not ended.
#[tauri::command]
pub fn stop_fetch(fetches: State<'_, Fetches>, id: u64) {
    fetches.stop(id);
}
