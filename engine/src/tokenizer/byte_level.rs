//! GPT-2's printable characters for the 256 byte values (openai/gpt-2, `src/encoder.py`, `bytes_to_unicode`).

/// Returns the byte that a character of a byte-level vocabulary encodes.
pub(super) fn char_to_byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        // Printable Latin-1 characters encode themselves.
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        // The other bytes follow in order from U+0100: 00 to 20, 7f to a0, ad.
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// Returns the bytes of a token in a byte-level vocabulary. A token with any other character, such as a manually
/// added one, is its own UTF-8.
pub(super) fn token_bytes(token: &str) -> Vec<u8> {
    token
        .chars()
        .map(char_to_byte)
        .collect::<Option<Vec<u8>>>()
        .unwrap_or_else(|| token.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_exactly_one_character() {
        let mut seen = [0; 256];
        for c in (0..0x300).filter_map(char::from_u32) {
            if let Some(byte) = char_to_byte(c) {
                seen[usize::from(byte)] += 1;
            }
        }
        assert!(seen.iter().all(|&n| n == 1), "{seen:?}");
    }

    #[test]
    fn token_bytes_decodes_characters_and_keeps_other_tokens() {
        assert_eq!(token_bytes("Ġhi"), b" hi");
        assert_eq!(token_bytes("Ċ"), b"\n");
        assert_eq!(token_bytes("ÃŁ"), "ß".as_bytes());
        assert_eq!(token_bytes("日"), "日".as_bytes());
    }
}
