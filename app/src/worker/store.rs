//! Downloaded models in the browser's origin-private file system.
//!
//! A model lies under its SHA-256; an empty file `<sha256>.ok` beside it says that its bytes were
//! verified. Where the marker is missing the bytes are hashed again, so a broken file heals itself.

use js_sys::{Array, AsyncIterator, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemRemoveOptions, FileSystemSyncAccessHandle, StorageManager,
};

use super::js::property;

const FOLDER: &str = "models";

/// The folder of downloaded models.
pub struct Store {
    folder: FileSystemDirectoryHandle,
}

/// The browser's storage, where it has one with synchronous handles.
fn manager() -> Option<StorageManager> {
    property(&js_sys::global(), "FileSystemSyncAccessHandle")?;
    let storage = property(&property(&js_sys::global(), "navigator")?, "storage")?;
    property(&storage, "getDirectory")?;
    Some(storage.unchecked_into())
}

async fn root() -> Option<FileSystemDirectoryHandle> {
    let root = JsFuture::from(manager()?.get_directory()).await.ok()?;
    Some(root.unchecked_into())
}

/// Bytes that the browser would still keep for us; `None` where it does not say.
pub async fn free_bytes() -> Option<u64> {
    let estimate = JsFuture::from(manager()?.estimate().ok()?).await.ok()?;
    let quota = property(&estimate, "quota")?.as_f64()?;
    let usage = property(&estimate, "usage")?.as_f64()?;
    Some((quota - usage).max(0.0) as u64)
}

impl Store {
    /// The folder, made where it is missing; `None` where the browser keeps nothing for us.
    pub async fn open() -> Option<Self> {
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        let folder = root()
            .await?
            .get_directory_handle_with_options(FOLDER, &options);
        Some(Self {
            folder: JsFuture::from(folder).await.ok()?.unchecked_into(),
        })
    }

    async fn file(&self, name: &str, create: bool) -> Result<FileSystemFileHandle, JsValue> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(create);
        let file = self.folder.get_file_handle_with_options(name, &options);
        Ok(JsFuture::from(file).await?.unchecked_into())
    }

    /// The only handle to the file `digest`; fails while another tab holds it.
    pub async fn handle(&self, digest: &str) -> Result<FileSystemSyncAccessHandle, JsValue> {
        let file = self.file(digest, true).await?;
        let handle = JsFuture::from(file.create_sync_access_handle()).await?;
        Ok(handle.unchecked_into())
    }

    /// The file `digest` as it is now, readable while another tab holds its handle.
    pub async fn snapshot(&self, digest: &str) -> Result<File, JsValue> {
        let file = self.file(digest, false).await?;
        Ok(JsFuture::from(file.get_file()).await?.unchecked_into())
    }

    /// Whether the bytes of `digest` were verified.
    pub async fn is_verified(&self, digest: &str) -> bool {
        self.file(&marker(digest), false).await.is_ok()
    }

    /// Notes whether the bytes of `digest` were verified.
    pub async fn set_verified(&self, digest: &str, verified: bool) {
        if verified {
            let _ = self.file(&marker(digest), true).await;
        } else {
            let _ = JsFuture::from(self.folder.remove_entry(&marker(digest))).await;
        }
    }

    /// Bytes of all files.
    pub async fn size(&self) -> u64 {
        let entries: AsyncIterator = self.folder.entries();
        let mut sum = 0;
        while let Ok(next) = entries.next() {
            let Ok(next) = JsFuture::from(next).await else {
                break;
            };
            if Reflect::get(&next, &"done".into()).is_ok_and(|done| done.is_truthy()) {
                break;
            }
            let Some(value) = property(&next, "value") else {
                break;
            };
            let handle: FileSystemFileHandle = Array::from(&value).get(1).unchecked_into();
            if let Ok(file) = JsFuture::from(handle.get_file()).await {
                sum += file.unchecked_into::<File>().size() as u64;
            }
        }
        sum
    }
}

/// Deletes every downloaded model.
///
/// # Errors
/// What the browser says, for instance where another tab holds a file.
pub async fn delete_all() -> Result<(), JsValue> {
    let Some(root) = root().await else {
        return Ok(());
    };
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    JsFuture::from(root.remove_entry_with_options(FOLDER, &options)).await?;
    Ok(())
}

fn marker(digest: &str) -> String {
    format!("{digest}.ok")
}
