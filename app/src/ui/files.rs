//! Files from the picker or dropped on the page.

use futures::channel::oneshot;
use leptos::prelude::*;
use llamaglass_web::property;
use wasm_bindgen::prelude::*;
use web_sys::{
    DragEvent, Event, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
    HtmlInputElement,
};

use crate::client::PageFile;
use crate::protocol::ModelSource;
use crate::state::{self, App};

/// Name endings of a model's files that an engine reads; other files of a folder are ignored.
const ENDINGS: [&str; 5] = [".gguf", ".safetensors", ".json", ".jinja", ".model"];
/// Maximum number of entries in a dropped folder, more than a model has.
const MAX_FILES: usize = 4096;

/// Loads the files chosen in the picker.
pub fn chosen(app: App, event: &Event) {
    let Some(input) = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
    else {
        return;
    };
    let mut files = Vec::new();
    if let Some(list) = input.files() {
        for index in 0..list.length() {
            files.extend(list.get(index).map(page_file));
        }
    }
    // Reset, so that choosing the same file again counts as a change.
    input.set_value("");
    open(app, files);
}

/// Names a file by its path in the chosen folder, or by its name.
fn page_file(file: File) -> PageFile {
    let path = property(&file, "webkitRelativePath")
        .and_then(|path| path.as_string())
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| file.name());
    PageFile { path, file }
}

fn open(app: App, files: Vec<PageFile>) {
    if files.is_empty() {
        return;
    }
    let known: Vec<PageFile> = match files.as_slice() {
        // A single file is tried whatever its name: the engine reports what is wrong with it.
        [_] => files,
        _ => files
            .into_iter()
            .filter(|file| is_known(&file.path))
            .collect(),
    };
    if known.is_empty() {
        app.error.set(Some(format!(
            "None of these files belongs to a model; expected names that end in one of {}.",
            ENDINGS.join(", ")
        )));
        return;
    }
    app.model_open.set(false);
    state::load(app, ModelSource::Files, known);
}

fn is_known(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    !name.starts_with('.') && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Handles a drag over the page.
pub fn drag_over(event: &DragEvent, dragging: RwSignal<bool>) {
    let has_files = event.data_transfer().is_some_and(|data| {
        data.types()
            .iter()
            .any(|kind| kind.as_string().as_deref() == Some("Files"))
    });
    if has_files {
        event.prevent_default();
        dragging.set(true);
    }
}

/// Handles a drag that leaves the page.
pub fn drag_leave(event: &DragEvent, dragging: RwSignal<bool>) {
    if event.related_target().is_none() {
        dragging.set(false);
    }
}

/// Handles a drop on the page.
pub fn drop(app: App, event: DragEvent, dragging: RwSignal<bool>) {
    event.prevent_default();
    dragging.set(false);
    let Some(data) = event.data_transfer() else {
        return;
    };
    // The list is only available during the event, so it is read before the first `await`.
    let items = data.items();
    let mut entries = Vec::new();
    for index in 0..items.length() {
        if let Some(item) = items.get(index)
            && let Ok(Some(entry)) = item.webkit_get_as_entry()
        {
            entries.push(entry);
        }
    }
    leptos::task::spawn_local(async move {
        match walk(entries).await {
            Ok(files) => open(app, files),
            Err(error) => app
                .error
                .set(Some(format!("The dropped files can't be read: {error}"))),
        }
    });
}

/// Returns every file among the entries and in their folders.
async fn walk(mut entries: Vec<FileSystemEntry>) -> Result<Vec<PageFile>, String> {
    let mut files = Vec::new();
    while let Some(entry) = entries.pop() {
        if files.len() + entries.len() > MAX_FILES {
            return Err(format!("there are more than {MAX_FILES} files"));
        }
        let path = entry.full_path().trim_start_matches('/').to_owned();
        if entry.is_directory() {
            let reader = entry
                .unchecked_into::<FileSystemDirectoryEntry>()
                .create_reader();
            loop {
                // A reader returns its entries in batches, and an empty one at the end.
                let batch = call(|ok, failed| {
                    reader
                        .read_entries_with_callback_and_callback(ok, failed)
                        .map_err(|error| format!("{error:?}"))
                })
                .await?;
                let batch = js_sys::Array::from(&batch);
                if batch.length() == 0 {
                    break;
                }
                entries.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
            }
        } else {
            let entry: FileSystemFileEntry = entry.unchecked_into();
            let file = call(|ok, failed| {
                entry.file_with_callback_and_callback(ok, failed);
                Ok(())
            })
            .await?;
            files.push(PageFile {
                path,
                file: file.unchecked_into(),
            });
        }
    }
    Ok(files)
}

/// Waits for one of two callbacks.
async fn call(
    start: impl FnOnce(&js_sys::Function, &js_sys::Function) -> Result<(), String>,
) -> Result<JsValue, String> {
    let (sender, receiver) = oneshot::channel();
    let sender = std::rc::Rc::new(std::cell::RefCell::new(Some(sender)));
    let answer = |is_good: bool| {
        let sender = sender.clone();
        Closure::once(move |value: JsValue| {
            if let Some(sender) = sender.borrow_mut().take() {
                let _ = sender.send(if is_good { Ok(value) } else { Err(value) });
            }
        })
    };
    let (ok, failed) = (answer(true), answer(false));
    start(ok.as_ref().unchecked_ref(), failed.as_ref().unchecked_ref())?;
    match receiver.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:?}")),
        Err(_) => Err("the browser gave no answer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_filter_keeps_only_model_files() {
        for path in [
            "m/config.json",
            "m/model-00001-of-00002.safetensors",
            "A.GGUF",
            "m/chat_template.jinja",
        ] {
            assert!(is_known(path), "{path}");
        }
        for path in [
            "m/README.md",
            "m/.DS_Store",
            "m/._config.json",
            "m/pytorch_model.bin",
        ] {
            assert!(!is_known(path), "{path}");
        }
    }
}
