//! Reads a header of unknown length from a source, with reads of growing size.

use crate::bytes::ByteSource;
use crate::weights::WeightsError;

/// Size of the first read in bytes. Headers of models without a vocabulary are far smaller.
const FIRST_READ_BYTES: u64 = 256 << 10;

/// Maximum length of a header in bytes. A vocabulary of 256 k tokens with its merges takes some 10 MB.
const MAX_HEADER_BYTES: u64 = 256 << 20;

/// Reason why a parser stopped.
pub(super) enum ParseError {
    /// It needs this many bytes, counted from where it started.
    NeedsBytes(u64),
    /// It found an error.
    Invalid(WeightsError),
}

impl From<WeightsError> for ParseError {
    fn from(error: WeightsError) -> Self {
        Self::Invalid(error)
    }
}

/// A buffer over a source: bytes that have been read, but not all of them parsed.
pub(super) struct Stream<'a> {
    source: &'a dyn ByteSource,
    /// Bytes of the source from offset `base` on.
    buffer: Vec<u8>,
    base: u64,
    /// Number of bytes at the start of `buffer` that are parsed.
    parsed: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(source: &'a dyn ByteSource) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            base: 0,
            parsed: 0,
        }
    }

    pub(super) fn source(&self) -> &'a dyn ByteSource {
        self.source
    }

    /// Returns the file offset at which the next parser starts.
    pub(super) fn position(&self) -> u64 {
        self.base + self.parsed as u64
    }

    /// Runs `parser` over the next bytes and reads more of them until it has enough. The parser restarts from
    /// scratch after each read, so it should parse one item, not all of them.
    pub(super) async fn parse<T>(
        &mut self,
        parser: impl Fn(&mut Cursor<'_>) -> Result<T, ParseError>,
    ) -> Result<T, WeightsError> {
        loop {
            let mut cursor = Cursor {
                file: self.source.name(),
                len: self.source.len(),
                bytes: &self.buffer[self.parsed..],
                base: self.position(),
                at: 0,
            };
            match parser(&mut cursor) {
                Ok(value) => {
                    self.parsed += cursor.at;
                    return Ok(value);
                }
                Err(ParseError::Invalid(error)) => return Err(error),
                Err(ParseError::NeedsBytes(needed)) => self.grow(needed).await?,
            }
        }
    }

    /// Reads on until at least `needed` bytes are available. The amount doubles each time, to keep reads and
    /// parser restarts few.
    async fn grow(&mut self, needed: u64) -> Result<(), WeightsError> {
        let read_so_far = self.base + self.buffer.len() as u64;
        let wanted = (self.position() + needed)
            .max(2 * read_so_far)
            .max(FIRST_READ_BYTES);
        if self.position() + needed > MAX_HEADER_BYTES {
            return Err(WeightsError::Corrupt {
                file: self.source.name().to_owned(),
                offset: self.position(),
                what: format!("a header longer than {MAX_HEADER_BYTES} bytes"),
            });
        }
        let more = wanted.min(self.source.len()).saturating_sub(read_so_far);
        // At most twice the maximum header length, which fits in 32 bits.
        let more = self.source.read(read_so_far, more as usize).await?;
        self.buffer.drain(..self.parsed);
        self.base += self.parsed as u64;
        self.parsed = 0;
        self.buffer.extend_from_slice(&more);
        Ok(())
    }
}

/// A parser's view of the available bytes.
pub(super) struct Cursor<'a> {
    file: &'a str,
    /// Length of the whole file in bytes.
    len: u64,
    bytes: &'a [u8],
    /// Offset of `bytes` in the file.
    base: u64,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Returns the offset of the next byte in the file.
    pub(super) fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Returns an error that points at byte `offset`.
    pub(super) fn corrupt(&self, offset: u64, what: impl Into<String>) -> ParseError {
        ParseError::Invalid(WeightsError::Corrupt {
            file: self.file.to_owned(),
            offset,
            what: what.into(),
        })
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// Returns an error if fewer than `count` items of at least `each` bytes can follow in the file.
    pub(super) fn check_remaining(
        &self,
        count: u64,
        each: u64,
        what: &str,
    ) -> Result<(), ParseError> {
        let wanted = count.saturating_mul(each);
        if self
            .position()
            .checked_add(wanted)
            .is_none_or(|end| end > self.len)
        {
            return Err(ParseError::Invalid(WeightsError::Truncated {
                file: self.file.to_owned(),
                what: what.to_owned(),
                offset: self.position(),
                wanted,
                len: self.len,
            }));
        }
        Ok(())
    }

    /// Takes the next `count` bytes.
    pub(super) fn take(&mut self, count: u64, what: &str) -> Result<&'a [u8], ParseError> {
        self.check_remaining(count, 1, what)?;
        let end = self.at as u64 + count;
        if end > self.bytes.len() as u64 {
            return Err(ParseError::NeedsBytes(end));
        }
        let taken = &self.bytes[self.at..end as usize];
        self.at = end as usize;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], ParseError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, ParseError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, ParseError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Parses a string: its length in 8 bytes, then UTF-8.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a str, ParseError> {
        let length = self.u64(what)?;
        let start = self.position();
        let bytes = self.take(length, what)?;
        str::from_utf8(bytes).map_err(|error| {
            let offset = start + error.valid_up_to() as u64;
            self.corrupt(offset, format!("{what} is not UTF-8"))
        })
    }
}
