//! A file that is in memory.

use async_trait::async_trait;

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

#[async_trait(?Send)]
impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        // Offsets within a slice fit a usize.
        let end = end_of_range(&self.name, offset, len, self.len())?;
        Ok(self.bytes[offset as usize..end as usize].to_vec())
    }

    fn mapped(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }
}
