//! Downloaded models in the browser's origin-private file system.
//!
//! A model is stored under its SHA-256. An empty file `<sha256>.ok` next to it marks its bytes as verified.
//! Without the marker the bytes are hashed again, so a broken file repairs itself.

use js_sys::{Array, AsyncIterator, Reflect};
use llamaglass_web::property;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemRemoveOptions, FileSystemSyncAccessHandle, StorageManager,
};

const FOLDER: &str = "models";

/// Folder of downloaded models.
pub struct Store {
    folder: FileSystemDirectoryHandle,
}

/// Returns the browser's storage, if it has one with synchronous handles.
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

/// Returns the number of bytes that the browser would still store for us, or `None` if it does not say.
pub async fn free_bytes() -> Option<u64> {
    let estimate = JsFuture::from(manager()?.estimate().ok()?).await.ok()?;
    let quota = property(&estimate, "quota")?.as_f64()?;
    let usage = property(&estimate, "usage")?.as_f64()?;
    Some((quota - usage).max(0.0) as u64)
}

impl Store {
    /// Opens the folder and creates it if necessary. Returns `None` if the browser stores nothing for us.
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

    /// Returns the only handle to the file `digest`. Fails while another tab holds it.
    pub async fn handle(&self, digest: &str) -> Result<FileSystemSyncAccessHandle, JsValue> {
        let file = self.file(digest, true).await?;
        let handle = JsFuture::from(file.create_sync_access_handle()).await?;
        Ok(handle.unchecked_into())
    }

    /// Returns the current contents of the file `digest`, readable while another tab holds its handle.
    pub async fn snapshot(&self, digest: &str) -> Result<File, JsValue> {
        let file = self.file(digest, false).await?;
        Ok(JsFuture::from(file.get_file()).await?.unchecked_into())
    }

    /// Returns whether the bytes of `digest` were verified.
    pub async fn is_verified(&self, digest: &str) -> bool {
        self.file(&marker(digest), false).await.is_ok()
    }

    /// Records whether the bytes of `digest` were verified.
    pub async fn set_verified(&self, digest: &str, verified: bool) {
        if verified {
            let _ = self.file(&marker(digest), true).await;
        } else {
            let _ = JsFuture::from(self.folder.remove_entry(&marker(digest))).await;
        }
    }

    /// Returns the total size of all files in bytes.
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
/// Returns the browser's error, for instance if another tab holds a file.
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
