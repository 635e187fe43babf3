//! A file that is already in memory.

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{ByteSource, BytesError};

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
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(len)?));
        let bytes = range
            .and_then(|range| self.bytes.get(range))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| BytesError::OutOfRange {
                name: self.name.clone(),
                offset,
                wanted: len as u64,
                len: self.len(),
            });
        ready(bytes).boxed_local()
    }
}
