//! The window: its page, and links out of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::{
    AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
};

use crate::drawing;
use crate::error::{ShellError, note};

/// Label of the only window, also used in `capabilities/main.json`.
const LABEL: &str = "main";

/// Name of the program in the title.
const PROGRAM: &str = "Llamaglass";

/// Destination of a link.
#[derive(Debug, PartialEq, Eq)]
enum LinkTarget {
    /// The page itself.
    Page,
    /// Another place, for the user's browser.
    Browser,
    /// No place that a page may link to.
    Blocked,
}

/// Opens the window with the page in it. Passes its events to `handle`, and notices for the user to `send_notice`.
pub fn open(
    app: &AppHandle,
    handle: fn(&AppHandle, &WindowEvent),
    send_notice: fn(&AppHandle, String),
) -> Result<(), ShellError> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(PROGRAM)
        .inner_size(1100.0, 780.0)
        .min_inner_size(360.0, 480.0)
        .on_navigation(|url| follow(url) == LinkTarget::Page)
        .on_new_window(|url, _| {
            if follow(&url) == LinkTarget::Page {
                note(&format!("a second window is not opened: {url}"));
            }
            NewWindowResponse::Deny
        })
        .on_download(move |webview, event| {
            match event {
                // If the system names no folder for downloads, the suggested one is the folder in which the program
                // was started.
                DownloadEvent::Requested { destination, .. } => {
                    let paths = webview.path();
                    if let (Err(_), Ok(home)) = (paths.download_dir(), paths.home_dir()) {
                        *destination = unused_path(&home, destination);
                    }
                }
                DownloadEvent::Finished { path, success, .. } => {
                    let text = match (path, success) {
                        (Some(path), true) => format!("Saved as {}.", path.display()),
                        (None, true) => "Saved in the folder for downloads.".into(),
                        (_, false) => "The file could not be saved.".into(),
                    };
                    send_notice(webview.app_handle(), text);
                }
                _ => {}
            }
            true
        })
        .build()?;
    drawing::configure(&window)?;
    let of_events = app.clone();
    window.on_window_event(move |event| handle(&of_events, event));
    Ok(())
}

/// Returns the window, unless it is gone.
pub fn main(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(LABEL)
}

/// Shows the name of the loaded model in the title. Does nothing if the window is gone.
pub fn show_model(app: &AppHandle, name: Option<&str>) {
    let title = name.map_or_else(|| PROGRAM.into(), |name| format!("{name} – {PROGRAM}"));
    if let Some(window) = main(app) {
        let _gone = window.set_title(&title);
    }
}

/// Brings the window to the front.
pub fn focus(app: &AppHandle) {
    if let Some(window) = main(app) {
        // A desktop may refuse this; then it is up to the user.
        let _kept = window.unminimize();
        let _kept = window.set_focus();
    }
}

/// Returns a path in `folder` for a file of this name, with a number if the name is taken.
fn unused_path(folder: &Path, named: &Path) -> PathBuf {
    let named = Path::new(named.file_name().unwrap_or(OsStr::new("download")));
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (part(named.file_stem()), part(named.extension()));
    let dot = if extension.is_empty() { "" } else { "." };
    let mut path = folder.join(named);
    let mut number = 1;
    while path.exists() {
        path = folder.join(format!("{stem} ({number}){dot}{extension}"));
        number += 1;
    }
    path
}

/// Returns the target of a link. Opens an outside link in the user's browser, since a person clicked it.
fn follow(url: &Url) -> LinkTarget {
    let target = link_target(url);
    if target == LinkTarget::Browser
        && let Err(error) = open::that_detached(url.as_str())
    {
        note(&format!("{url} can't be opened: {error}"));
    }
    target
}

fn link_target(url: &Url) -> LinkTarget {
    match (url.scheme(), url.host_str()) {
        // The page itself, at Tauri's addresses; Windows uses the second.
        ("tauri", Some("localhost")) | ("http", Some("tauri.localhost")) => LinkTarget::Page,
        // The frame of a report, and files that the page saves.
        ("about" | "blob", _) => LinkTarget::Page,
        ("http" | "https" | "mailto", _) => LinkTarget::Browser,
        _ => LinkTarget::Blocked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_file_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let offered = Path::new("/elsewhere/lab.json");
        let first = unused_path(folder.path(), offered);
        assert_eq!(first, folder.path().join("lab.json"));
        std::fs::write(&first, "").expect("written");
        let second = unused_path(folder.path(), offered);
        assert_eq!(second, folder.path().join("lab (1).json"));
    }

    #[test]
    fn links_leave_only_for_the_browser() {
        let cases = [
            ("tauri://localhost/index.html", LinkTarget::Page),
            ("http://tauri.localhost/", LinkTarget::Page),
            ("about:srcdoc", LinkTarget::Page),
            ("blob:tauri://localhost/1-2-3", LinkTarget::Page),
            ("https://example.org/a", LinkTarget::Browser),
            ("http://localhost/", LinkTarget::Browser),
            ("tauri://elsewhere/", LinkTarget::Blocked),
            ("file:///etc/passwd", LinkTarget::Blocked),
            ("javascript:alert(1)", LinkTarget::Blocked),
            ("data:text/html,hello", LinkTarget::Blocked),
        ];
        for (url, wanted) in cases {
            assert_eq!(
                link_target(&Url::parse(url).expect("a URL")),
                wanted,
                "{url}"
            );
        }
    }
}
