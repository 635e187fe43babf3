//! Files that can't be read any more once their load is stopped.

use async_trait::async_trait;
use llamaglass_driver::StopSignal;
use llamaglass_engine::bytes::{ByteSource, BytesError};

/// A source whose reads fail after a stop. A load does not check whether it is still wanted, but it reads
/// tensor by tensor, so it ends within one.
pub struct Cancellable {
    source: Box<dyn ByteSource>,
    stop: StopSignal,
}

impl Cancellable {
    /// Wraps `source`; reads fail after `stop`.
    pub fn new(source: Box<dyn ByteSource>, stop: StopSignal) -> Self {
        Self { source, stop }
    }
}

#[async_trait(?Send)]
impl ByteSource for Cancellable {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn len(&self) -> u64 {
        self.source.len()
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        if self.stop.is_set() {
            return Err(BytesError::Io {
                name: self.name().to_owned(),
                offset,
                wanted: len as u64,
                message: "the load was given up".into(),
            });
        }
        self.source.read(offset, len).await
    }

    /// Returns nothing after a stop, so that the caller reads and gets the error.
    fn mapped(&self) -> Option<&[u8]> {
        match self.stop.is_set() {
            true => None,
            false => self.source.mapped(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_engine::bytes::MemorySource;

    #[test]
    fn read_fails_after_stop() {
        let stop = StopSignal::default();
        let memory = MemorySource::new("a.gguf", vec![1, 2, 3, 4]);
        let source = Cancellable::new(Box::new(memory), stop.clone());
        assert_eq!((source.name(), source.len()), ("a.gguf", 4));
        assert_eq!(pollster::block_on(source.read(1, 2)), Ok(vec![2, 3]));
        assert_eq!(source.mapped(), Some(&[1, 2, 3, 4][..]));
        stop.set();
        assert_eq!(source.mapped(), None);
        let error = pollster::block_on(source.read(1, 2)).expect_err("was given up");
        let wanted = "a.gguf: reading 2 bytes at 1 failed: the load was given up";
        assert_eq!(error.to_string(), wanted);
    }
}
