//! What can go wrong around the page and the engine.

use std::path::PathBuf;

use llamaglass_engine::text::safe;

/// Why the program can't do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The window or its menu can't be made.
    #[error("the window can't be opened: {0}")]
    Window(#[from] tauri::Error),
    /// There is no screen to open it on.
    #[error("there is no screen to open a window on: neither WAYLAND_DISPLAY nor DISPLAY is set")]
    NoScreen,
    /// The system gives the engine no thread.
    #[error("the engine's thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The page said something that is no command.
    #[error("a command could not be read: {0}")]
    Command(serde_json::Error),
    /// The list of recent models can't be kept.
    #[error("{path}: the recent models can't be kept: {source}", path = path.display())]
    Recent {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes a line to standard error, where it may be shown in a terminal, as [`safe`] shows it.
pub fn note(text: &str) {
    eprintln!("{}", safe(text));
}

/// Commands of the page that fail, fail with these words.
impl serde::Serialize for ShellError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
