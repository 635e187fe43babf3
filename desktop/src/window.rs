//! The window: what it shows, what is dropped on it, and where links lead.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use llamaglass_session::protocol::Reply;
use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::{
    AppHandle, DragDropEvent, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};

use crate::drawing;
use crate::dropped;
use crate::error::{ShellError, note};
use crate::shell::Shell;

/// The only window's name, which `capabilities/main.json` names as well.
const LABEL: &str = "main";

/// The program's name, in the title.
const PROGRAM: &str = "Llamaglass";

/// What is meant by a link that leaves the page.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    /// To the page itself.
    Here,
    /// To another place, for the user's browser.
    Outside,
    /// To nothing that a page should lead to.
    Nowhere,
}

/// Opens the window, with the page in it.
///
/// # Errors
/// What the system says.
pub fn open(app: &AppHandle) -> Result<(), ShellError> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(PROGRAM)
        .inner_size(1100.0, 780.0)
        .min_inner_size(360.0, 480.0)
        .on_navigation(|url| follow(url) == Leads::Here)
        .on_new_window(|url, _| {
            if follow(&url) == Leads::Here {
                note(&format!("a second window is not opened: {url}"));
            }
            NewWindowResponse::Deny
        })
        .on_download(|webview, event| {
            match event {
                // Where the system names no folder for downloads, the one that is offered is whichever the program
                // was started in.
                DownloadEvent::Requested { destination, .. } => {
                    let paths = webview.path();
                    if let (Err(_), Ok(home)) = (paths.download_dir(), paths.home_dir()) {
                        *destination = free(&home, destination);
                    }
                }
                DownloadEvent::Finished { path, success, .. } => {
                    let text = match (path, success) {
                        (Some(path), true) => format!("Saved as {}.", path.display()),
                        (None, true) => "Saved in the folder for downloads.".into(),
                        (_, false) => "The file could not be saved.".into(),
                    };
                    webview.state::<Shell>().tell(&Reply::Notice { text });
                }
                _ => {}
            }
            true
        })
        .build()?;
    drawing::settle(&window)?;
    let of_events = app.clone();
    window.on_window_event(move |event| obey(&of_events, event));
    Ok(())
}

/// The window, while it is there.
pub fn main(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(LABEL)
}

/// Shows which model is loaded. A window that is gone shows nothing.
pub fn show_model(app: &AppHandle, name: Option<&str>) {
    let title = name.map_or_else(|| PROGRAM.into(), |name| format!("{name} – {PROGRAM}"));
    if let Some(window) = main(app) {
        let _gone = window.set_title(&title);
    }
}

/// Brings the window to the front.
pub fn focus(app: &AppHandle) {
    if let Some(window) = main(app) {
        // What a desktop does not let us do is the user's to do.
        let _kept = window.unminimize();
        let _kept = window.set_focus();
    }
}

fn obey(app: &AppHandle, event: &WindowEvent) {
    let shell = app.state::<Shell>();
    match event {
        // The engine begins to end while the window still closes.
        WindowEvent::CloseRequested { .. } => shell.stop(),
        WindowEvent::DragDrop(DragDropEvent::Enter { .. }) => hovering(&shell, true),
        WindowEvent::DragDrop(DragDropEvent::Leave) => hovering(&shell, false),
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            hovering(&shell, false);
            drop_on(&shell, paths);
        }
        _ => {}
    }
}

fn hovering(shell: &Shell, over: bool) {
    shell.tell(&Reply::Hovering { over });
}

fn drop_on(shell: &Shell, paths: &[PathBuf]) {
    if let Some(model) = dropped::model(paths) {
        shell.open(&model);
    } else if let Some(path) = paths.first() {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy();
        // It would take the place of the model that is loaded, for nothing.
        let text = format!(
            "{name} is no model: drop a .gguf file, a .safetensors file or a model\u{2019}s folder."
        );
        shell.tell(&Reply::Notice { text });
    }
}

/// A path in the folder for a file of this name, or of a name like it where there is one.
fn free(folder: &Path, named: &Path) -> PathBuf {
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

/// Where `url` leads; hands what is outside to the user's browser, since a person clicked it.
fn follow(url: &Url) -> Leads {
    let leads = leads(url);
    if leads == Leads::Outside
        && let Err(error) = open::that_detached(url.as_str())
    {
        note(&format!("{url} can't be opened: {error}"));
    }
    leads
}

fn leads(url: &Url) -> Leads {
    match (url.scheme(), url.host_str()) {
        // The page itself, where Tauri serves it: on Windows as the second.
        ("tauri", Some("localhost")) | ("http", Some("tauri.localhost")) => Leads::Here,
        // A report's frame, and what the page saves.
        ("about" | "blob", _) => Leads::Here,
        ("http" | "https" | "mailto", _) => Leads::Outside,
        _ => Leads::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let offered = Path::new("/elsewhere/lab.json");
        let first = free(folder.path(), offered);
        assert_eq!(first, folder.path().join("lab.json"));
        std::fs::write(&first, "").expect("written");
        let second = free(folder.path(), offered);
        assert_eq!(second, folder.path().join("lab (1).json"));
    }

    #[test]
    fn links_leave_the_window_for_the_browser_only() {
        let cases = [
            ("tauri://localhost/index.html", Leads::Here),
            ("http://tauri.localhost/", Leads::Here),
            ("about:srcdoc", Leads::Here),
            ("blob:tauri://localhost/1-2-3", Leads::Here),
            ("https://example.org/a", Leads::Outside),
            ("http://localhost/", Leads::Outside),
            ("tauri://elsewhere/", Leads::Nowhere),
            ("file:///etc/passwd", Leads::Nowhere),
            ("javascript:alert(1)", Leads::Nowhere),
            ("data:text/html,hello", Leads::Nowhere),
        ];
        for (url, wanted) in cases {
            assert_eq!(leads(&Url::parse(url).expect("a URL")), wanted, "{url}");
        }
    }
}
