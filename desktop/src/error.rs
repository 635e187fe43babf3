//! Errors around the page and the engine.

use std::path::PathBuf;

use llamaglass_engine::text::safe;

/// Errors of the desktop program.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The window or its menu can't be created.
    #[error("the window can't be opened: {0}")]
    Window(#[from] tauri::Error),
    /// The system has no screen for a window.
    #[error("there is no screen to open a window on: neither WAYLAND_DISPLAY nor DISPLAY is set")]
    NoScreen,
    /// The system can't create a thread.
    #[error("the engine's thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The page sent something that is not a command.
    #[error("a command could not be read: {0}")]
    Command(serde_json::Error),
    /// The list of recent models can't be saved.
    #[error("{path}: the recent models can't be kept: {source}", path = path.display())]
    Recent {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Writes a line to standard error, made safe for a terminal by [`safe`].
pub fn note(text: &str) {
    eprintln!("{}", safe(text));
}

/// Commands of the page fail with the text of the error.
impl serde::Serialize for ShellError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
