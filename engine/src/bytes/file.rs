//! A file on disk.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use async_trait::async_trait;
use memmap2::{Mmap, MmapOptions};

use super::{ByteSource, BytesError, end_of_range};

/// A file on disk, read range by range or through a map in memory.
///
/// The system loads pages of the map when they are first used, and may drop them again. The map counts against
/// `ulimit -v`; if it is refused, the file is only read.
///
/// A file that another program shortens while it is mapped ends this program: the system sends the signal SIGBUS
/// when a page that no longer exists is used. llama.cpp has the same limitation. [`mapped`](Self::mapped) checks
/// the length, so that only a change during the use of one tensor has this effect; before that,
/// [`read`](Self::read) returns an error. A file that is overwritten in place gives a mixture of old and new
/// bytes, mapped or not. Programs that replace a file by renaming another one disturb neither.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    /// Length of the file when it was opened.
    len: u64,
    file: RefCell<File>,
    map: Option<Mmap>,
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
            map: map(&file, len),
            file: RefCell::new(file),
        })
    }

    /// Returns the file's length now, if it is shorter than when it was opened.
    fn shortened(&self) -> Option<u64> {
        let now = self.file.borrow().metadata().ok()?.len();
        (now < self.len).then_some(now)
    }
}

/// Maps the first `len` bytes of `file`, if the system can. It can't map an empty file.
fn map(file: &File, len: u64) -> Option<Mmap> {
    let len = usize::try_from(len).ok().filter(|len| *len > 0)?;
    // SAFETY: nothing in this program writes to the file. Other programs can, with the effects that the
    // documentation of `FileSource` describes: bytes are only ever read as numbers, whatever their values.
    unsafe { MmapOptions::new().len(len).map(file) }.ok()
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
        let io = |message: String| BytesError::Io {
            name: self.name.clone(),
            offset,
            wanted: len as u64,
            message,
        };
        if let Some(now) = self.shortened() {
            return Err(io(format!(
                "another program has shortened the file from {} to {now} bytes since it was opened",
                self.len
            )));
        }
        let mut bytes = vec![0; len];
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| io(error.to_string()))?;
        Ok(bytes)
    }

    /// Returns the map, unless the file is shorter now than when it was opened.
    fn mapped(&self) -> Option<&[u8]> {
        let map = self.map.as_deref()?;
        self.shortened().is_none().then_some(map)
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;

    #[test]
    fn map_and_reads_return_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.gguf");
        std::fs::write(&path, b"0123456789").expect("writes");
        let source = FileSource::open(&path).expect("opens");
        assert_eq!(source.mapped(), Some(&b"0123456789"[..]));
        assert_eq!(block_on(source.read(3, 4)).as_deref(), Ok(&b"3456"[..]));
    }

    #[test]
    fn empty_file_opens_without_map() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.gguf");
        std::fs::write(&path, b"").expect("writes");
        let source = FileSource::open(&path).expect("opens");
        assert!(source.is_empty() && source.mapped().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn shortened_file_is_an_error_instead_of_a_signal() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.gguf");
        std::fs::write(&path, vec![1; 10_000]).expect("writes");
        let source = FileSource::open(&path).expect("opens");
        let file = File::options().write(true).open(&path).expect("opens");
        file.set_len(100).expect("shortens");
        assert_eq!(source.mapped(), None);
        let error = block_on(source.read(0, 50)).expect_err("was shortened");
        let part = "shortened the file from 10000 to 100 bytes";
        assert!(error.to_string().contains(part), "{error}");
    }
}
