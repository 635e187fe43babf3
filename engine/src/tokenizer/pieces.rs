//! The bytes of every id.

use super::byte_level;
use super::error::TokenizerError;

/// More ids than any vocabulary has; a file with a larger one is damaged, and a table for it would
/// only fill the memory.
pub(super) const MAX_IDS: usize = 1 << 22;

/// U+2581, which stands for a space in SentencePiece vocabularies.
pub(super) const SPACE_MARK: char = '\u{2581}';

/// How the tokens of a vocabulary are spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GPT-2's characters for bytes.
    ByteLevel,
    /// SentencePiece's: U+2581 for a space, `<0x41>` for a byte.
    SentencePiece,
}

impl Spelling {
    /// The bytes of an ordinary token.
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

/// The byte of a token `<0xNN>`.
pub(super) fn byte_token(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The bytes of every id, one after the other, and which ids are special.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where id i's bytes are.
    spans: Vec<(u32, u32)>,
    special: Vec<bool>,
    /// The most bytes of an id.
    longest: usize,
}

impl Pieces {
    /// Sets the bytes of an id; ids between that nobody sets have none.
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

    /// The most bytes of an id.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// How many ids there are, the ones without a token included.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of an id.
    pub(super) fn get(&self, id: u32) -> Result<&[u8], TokenizerError> {
        self.spans
            .get(id as usize)
            .map(|&(start, end)| &self.bytes[start as usize..end as usize])
            .ok_or(TokenizerError::UnknownId {
                id,
                vocab_size: self.len(),
            })
    }

    /// Whether an id is a special token.
    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.get(id as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_token_is_two_hex_digits() {
        assert_eq!(byte_token("<0x41>"), Some(0x41));
        assert_eq!(byte_token("<0xFF>"), Some(0xff));
        for text in ["<0x4>", "<0x414>", "<0x+1>", "0x41", "<0xGG>", ""] {
            assert_eq!(byte_token(text), None, "{text}");
        }
    }

    #[test]
    fn an_absurd_id_is_refused_not_allocated() {
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
