//! Table of the bytes of every token id.

use super::byte_level;
use super::error::TokenizerError;

/// Upper bound on the number of token ids, above that of any real vocabulary. A file with a larger id is damaged,
/// and a table for it would only waste memory.
pub(super) const MAX_IDS: usize = 1 << 22;

/// U+2581, the space mark of SentencePiece vocabularies.
pub(super) const SPACE_MARK: char = '\u{2581}';

/// Encoding of bytes in the tokens of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GPT-2's characters, one per byte.
    ByteLevel,
    /// SentencePiece's encoding: U+2581 for a space, `<0x41>` for a byte.
    SentencePiece,
}

impl Spelling {
    /// Returns the bytes of an ordinary token.
    pub(super) fn bytes(self, token: &str) -> Vec<u8> {
        match self {
            Self::ByteLevel => byte_level::token_bytes(token),
            Self::SentencePiece => byte_token(token).map_or_else(
                || token.replace(SPACE_MARK, " ").into_bytes(),
                |byte| vec![byte],
            ),
        }
    }
}

/// Returns the byte of a token `<0xNN>`.
pub(super) fn byte_token(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The bytes of every id in one buffer, and a flag per special id.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Byte range of each id in `bytes`.
    spans: Vec<(u32, u32)>,
    special: Vec<bool>,
    /// Maximum bytes per id.
    longest: usize,
}

impl Pieces {
    /// Sets the bytes of an id; skipped ids below it are empty.
    pub(super) fn set(&mut self, id: u32, bytes: &[u8], special: bool) -> Result<(), String> {
        let index = id as usize;
        if index >= MAX_IDS {
            return Err(format!(
                "id {id} is larger than any vocabulary ({MAX_IDS} ids)"
            ));
        }
        let too_long = || String::from("the tokens are longer than 4 GiB in all");
        let start = u32::try_from(self.bytes.len()).map_err(|_| too_long())?;
        self.bytes.extend_from_slice(bytes);
        let end = u32::try_from(self.bytes.len()).map_err(|_| too_long())?;
        if self.spans.len() <= index {
            self.spans.resize(index + 1, (0, 0));
            self.special.resize(index + 1, false);
        }
        self.spans[index] = (start, end);
        self.longest = self.longest.max(bytes.len());
        self.special[index] = special;
        Ok(())
    }

    /// Returns the maximum bytes per id.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Number of ids, including empty ones.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the bytes of an id.
    pub(super) fn get(&self, id: u32) -> Result<&[u8], TokenizerError> {
        self.spans
            .get(id as usize)
            .map(|&(start, end)| &self.bytes[start as usize..end as usize])
            .ok_or(TokenizerError::UnknownId {
                id,
                vocab_size: self.len(),
            })
    }

    /// Returns whether an id is a special token.
    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.get(id as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_token_has_two_hex_digits() {
        assert_eq!(byte_token("<0x41>"), Some(0x41));
        assert_eq!(byte_token("<0xFF>"), Some(0xff));
        for text in ["<0x4>", "<0x414>", "<0x+1>", "0x41", "<0xGG>", ""] {
            assert_eq!(byte_token(text), None, "{text}");
        }
    }

    #[test]
    fn huge_id_is_rejected_without_allocation() {
        let mut pieces = Pieces::default();
        assert!(pieces.set(u32::MAX, b"a", false).is_err());
        assert_eq!(pieces.set(5, b"a", true), Ok(()));
        assert_eq!(pieces.len(), 6);
        assert_eq!(pieces.get(5), Ok(&b"a"[..]));
        assert_eq!(pieces.get(2), Ok(&b""[..]));
        assert_eq!(
            pieces.get(6),
            Err(TokenizerError::UnknownId {
                id: 6,
                vocab_size: 6
            })
        );
        assert!(pieces.is_special(5) && !pieces.is_special(4) && !pieces.is_special(u32::MAX));
    }
}
