//! Paths in a browser, which has none.

use std::path::{Path, PathBuf};

use super::{ByteSource, BytesError};

/// Opens the files of the model at `path`.
pub fn open_model(path: &Path) -> Result<Vec<Box<dyn ByteSource>>, BytesError> {
    open_files(&[path.to_owned()])
}

/// Opens files.
pub fn open_files(_paths: &[PathBuf]) -> Result<Vec<Box<dyn ByteSource>>, BytesError> {
    Err(BytesError::Open {
        message: "a browser can't open paths".into(),
    })
}
