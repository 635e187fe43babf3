//! A file that is already in memory.

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{ByteSource, BytesError, end_of_range};

/// Bytes that are held in memory.
#[derive(Clone, Debug)]
pub struct MemorySource {
    name: String,
    bytes: Vec<u8>,
}

impl MemorySource {
    /// A source named `name` over `bytes`.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, len: usize) -> LocalBoxFuture<'_, Result<Vec<u8>, BytesError>> {
        // What is in range of a slice fits a usize.
        let bytes = end_of_range(&self.name, offset, len, self.len())
            .map(|end| self.bytes[offset as usize..end as usize].to_vec());
        ready(bytes).boxed_local()
    }
}
