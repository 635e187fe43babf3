//! Decodes streamed bytes to text.

/// Decodes bytes to text. Complete characters pass, an incomplete one is buffered, and invalid bytes become
/// U+FFFD exactly as in `String::from_utf8_lossy` of all bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Stream {
    /// An incomplete character, at most three bytes.
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// Returns the text that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.pending.len());
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(bad) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[bad..];
                }
            }
        }
        self.pending = rest.to_vec();
        text
    }

    /// Returns U+FFFD if an incomplete character is left.
    pub(super) fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn incomplete_character_is_buffered() {
        let mut stream = Utf8Stream::default();
        assert_eq!(stream.push(b"a\xe6\x97"), "a");
        assert_eq!(stream.push(b"\xa5b"), "日b");
        assert_eq!(stream.push(b"\xf0\x9f"), "");
        assert_eq!(stream.push(b"x"), "\u{fffd}x");
        assert_eq!(stream.push(b"\xf0\x9f\x98"), "");
        assert_eq!(stream.finish(), "\u{fffd}");
        assert_eq!(stream.finish(), "");
    }

    proptest! {
        #[test]
        fn parts_decode_like_the_concatenated_bytes(
            // Bytes that start, continue and break characters more often than random ones.
            parts in prop::collection::vec(
                prop::collection::vec(prop_oneof![
                    any::<u8>(), Just(0x80), Just(0xc3), Just(0xe2), Just(0x82), Just(0xf0), Just(0x9f),
                ], 0..5),
                0..20,
            ),
        ) {
            let mut stream = Utf8Stream::default();
            let mut text: String = parts.iter().map(|part| stream.push(part)).collect();
            text.push_str(&stream.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&parts.concat()).into_owned());
        }
    }
}
