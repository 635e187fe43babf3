//! A file in the browser's origin-private file system.

use async_trait::async_trait;
use web_sys::{FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

use super::blob::message;
use super::{ByteSource, BytesError, end_of_range};

/// A file in the origin-private file system, read synchronously, which works in workers only.
///
/// It owns the only handle of the file; dropping the source closes it.
#[derive(Debug)]
pub struct OpfsSource {
    name: String,
    len: u64,
    handle: FileSystemSyncAccessHandle,
}

impl OpfsSource {
    /// Creates a source named `name` over an open handle.
    ///
    /// # Errors
    /// [`BytesError::Io`] if the browser does not report the file's size.
    pub fn new(
        name: impl Into<String>,
        handle: FileSystemSyncAccessHandle,
    ) -> Result<Self, BytesError> {
        let name = name.into();
        match handle.get_size() {
            Ok(len) => Ok(Self {
                name,
                len: len as u64,
                handle,
            }),
            Err(error) => Err(BytesError::Io {
                name,
                offset: 0,
                wanted: 0,
                message: message(&error),
            }),
        }
    }
}

#[async_trait(?Send)]
impl ByteSource for OpfsSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        end_of_range(&self.name, offset, len, self.len)?;
        let io = |message| BytesError::Io {
            name: self.name.clone(),
            offset,
            wanted: len as u64,
            message,
        };
        let mut bytes = vec![0; len];
        let mut done = 0;
        while done < len {
            let options = FileSystemReadWriteOptions::new();
            options.set_at((offset + done as u64) as f64);
            let read = self
                .handle
                .read_with_u8_array_and_options(&mut bytes[done..], &options)
                .map_err(|error| io(message(&error)))?;
            if read <= 0.0 {
                return Err(io(format!("the file ended after {done} bytes")));
            }
            done += read as usize;
        }
        Ok(bytes)
    }
}

impl Drop for OpfsSource {
    fn drop(&mut self) {
        self.handle.close();
    }
}
