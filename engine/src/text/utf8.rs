//! Bytes to text, as they come.

/// Bytes to text: whole characters pass, an incomplete one waits, what is no UTF-8 becomes U+FFFD
/// exactly as in `String::from_utf8_lossy` of all bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Stream {
    /// An incomplete character, at most three bytes.
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// The text that these bytes complete.
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

    /// The incomplete character, if there is one.
    pub(super) fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}
