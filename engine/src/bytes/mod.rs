//! Ranged sources of bytes: memory, a file, a browser's `Blob` or OPFS file.
//!
//! A source is read range by range, so that a model file is never in memory as a whole, unless it is a
//! [`MemorySource`]. A file on disk is also mapped into memory, so that tensors need no copy.

use async_trait::async_trait;
use thiserror::Error;

/// Error when reading bytes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum BytesError {
    #[error("{name}: bytes {offset}..{} requested, but the file has {len}", offset.saturating_add(*wanted))]
    OutOfRange {
        name: String,
        offset: u64,
        wanted: u64,
        /// Size of the source in bytes.
        len: u64,
    },
    #[error("{message}")]
    Open { message: String },
    #[error("{name}: reading {wanted} bytes at {offset} failed: {message}")]
    Io {
        name: String,
        offset: u64,
        wanted: u64,
        message: String,
    },
}

/// Random access to the bytes of one file.
#[async_trait(?Send)]
pub trait ByteSource {
    /// Name of the file, for messages and to tell the files of a folder apart.
    fn name(&self) -> &str;

    /// Size of the file in bytes.
    fn len(&self) -> u64;

    /// Returns true if the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads exactly `len` bytes from `offset`.
    ///
    /// # Errors
    /// [`BytesError::OutOfRange`] past the end, [`BytesError::Io`] if the system fails.
    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError>;

    /// Returns all bytes if they are in memory or mapped into it; otherwise they must be read.
    fn mapped(&self) -> Option<&[u8]> {
        None
    }
}

/// Returns the end of the range of `wanted` bytes from `offset`, if a file of `len` bytes contains it.
///
/// Called before anything is allocated, so that a corrupt header can't cause an allocation of the size that it
/// states.
fn end_of_range(name: &str, offset: u64, wanted: usize, len: u64) -> Result<u64, BytesError> {
    let wanted = wanted as u64;
    offset
        .checked_add(wanted)
        .filter(|end| *end <= len)
        .ok_or_else(|| BytesError::OutOfRange {
            name: name.to_owned(),
            offset,
            wanted,
            len,
        })
}

mod memory;
pub use memory::MemorySource;

#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
#[cfg(not(target_arch = "wasm32"))]
mod replace;
#[cfg(not(target_arch = "wasm32"))]
pub use file::FileSource;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::{FolderError, has_extension, model_files, open_files, open_model};
#[cfg(not(target_arch = "wasm32"))]
pub use replace::replace_file;

#[cfg(target_arch = "wasm32")]
mod no_paths;
#[cfg(target_arch = "wasm32")]
pub use no_paths::{open_files, open_model};

#[cfg(target_arch = "wasm32")]
mod blob;
#[cfg(target_arch = "wasm32")]
mod opfs;
#[cfg(target_arch = "wasm32")]
pub use blob::BlobSource;
#[cfg(target_arch = "wasm32")]
pub use opfs::OpfsSource;
