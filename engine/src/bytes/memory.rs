//! A file that is in memory.

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{ByteSource, BytesError, end_of_range};

/// Bytes in memory.
#[derive(Clone, Debug)]
pub struct MemorySource {
    name: String,
    bytes: Vec<u8>,
}

impl MemorySource {
    /// Creates a source named `name` over `bytes`.
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
        // Offsets within a slice fit a usize.
        let bytes = end_of_range(&self.name, offset, len, self.len())
            .map(|end| self.bytes[offset as usize..end as usize].to_vec());
        ready(bytes).boxed_local()
    }
}
