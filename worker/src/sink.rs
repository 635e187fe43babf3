//! Destination of a download: a file in the browser's storage, or memory if there is none.

use llamaglass_engine::bytes::{ByteSource, BytesError, MemorySource, OpfsSource};
use llamaglass_web::error_message;
use sha2::{Digest, Sha256};
use web_sys::{FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

/// Collects bytes in order, with their digest so far.
pub struct Sink {
    target: Target,
    len: u64,
    hash: Sha256,
}

enum Target {
    File(FileSystemSyncAccessHandle),
    Memory(Vec<u8>),
}

impl Sink {
    /// Creates an empty sink in memory.
    pub fn memory() -> Self {
        Self {
            target: Target::Memory(Vec::new()),
            len: 0,
            hash: Sha256::new(),
        }
    }

    /// Creates a sink over a file and keeps the file's contents. Call [`Self::hash_existing`] next.
    pub fn file(handle: FileSystemSyncAccessHandle) -> Result<Self, String> {
        let len = handle.get_size().map_err(|error| error_message(&error))? as u64;
        Ok(Self {
            target: Target::File(handle),
            len,
            hash: Sha256::new(),
        })
    }

    /// Returns the number of bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Hashes the bytes that the file already had, and reports the number of bytes done to `progress`.
    pub fn hash_existing(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), String> {
        self.hash = Sha256::new();
        let Target::File(handle) = &self.target else {
            return Ok(());
        };
        let mut buffer = vec![0; 4 << 20];
        let mut at = 0;
        while at < self.len {
            let options = FileSystemReadWriteOptions::new();
            options.set_at(at as f64);
            let read = handle
                .read_with_u8_array_and_options(&mut buffer, &options)
                .map_err(|error| error_message(&error))? as usize;
            if read == 0 {
                return Err(format!("the stored file ended at byte {at}"));
            }
            self.hash.update(&buffer[..read]);
            at += read as u64;
            progress(at);
        }
        Ok(())
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        match &mut self.target {
            Target::Memory(all) => {
                all.try_reserve(bytes.len())
                    .map_err(|error| format!("not enough memory for the download: {error}"))?;
                all.extend_from_slice(bytes);
            }
            Target::File(handle) => {
                let mut done = 0;
                while done < bytes.len() {
                    let options = FileSystemReadWriteOptions::new();
                    options.set_at((self.len + done as u64) as f64);
                    let written = handle
                        .write_with_u8_array_and_options(&bytes[done..], &options)
                        .map_err(|error| error_message(&error))?
                        as usize;
                    if written == 0 {
                        return Err("no more bytes could be written; is the disk full?".into());
                    }
                    done += written;
                }
            }
        }
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Removes all bytes.
    pub fn clear(&mut self) -> Result<(), String> {
        match &mut self.target {
            Target::Memory(all) => all.clear(),
            Target::File(handle) => handle
                .truncate_with_u32(0)
                .map_err(|error| error_message(&error))?,
        }
        self.len = 0;
        self.hash = Sha256::new();
        Ok(())
    }

    /// Writes bytes that the browser still buffers.
    pub fn flush(&self) {
        if let Target::File(handle) = &self.target {
            let _ = handle.flush();
        }
    }

    /// Returns the SHA-256 digest of all bytes so far, as 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        use std::fmt::Write;
        self.hash
            .clone()
            .finalize()
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }

    /// Converts the sink to a byte source with the name `name`.
    pub fn into_source(mut self, name: &str) -> Result<Box<dyn ByteSource>, BytesError> {
        // Taken out, so that dropping the sink does not close the handle.
        match std::mem::replace(&mut self.target, Target::Memory(Vec::new())) {
            Target::Memory(all) => Ok(Box::new(MemorySource::new(name, all))),
            Target::File(handle) => Ok(Box::new(OpfsSource::new(name, handle)?)),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Target::File(handle) = &self.target {
            let _ = handle.flush();
            handle.close();
        }
    }
}
