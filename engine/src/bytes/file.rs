//! A file on disk.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use async_trait::async_trait;

use super::{ByteSource, BytesError, end_of_range};

/// A file on disk, read range by range.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    len: u64,
    file: RefCell<File>,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's error if the file can't be opened, or [`io::ErrorKind::InvalidInput`] if it is not a
    /// regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Checked first, because opening a pipe would wait for a writer.
        if !std::fs::metadata(path)?.is_file() {
            let why = "not a regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            name,
            len,
            file: RefCell::new(file),
        })
    }
}

#[async_trait(?Send)]
impl ByteSource for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        end_of_range(&self.name, offset, len, self.len)?;
        let mut bytes = vec![0; len];
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| BytesError::Io {
                name: self.name.clone(),
                offset,
                wanted: len as u64,
                message: error.to_string(),
            })?;
        Ok(bytes)
    }
}
