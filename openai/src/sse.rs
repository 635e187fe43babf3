//! Parses server-sent events from chunks of any size.
//!
//! The format is that of the HTML standard (9.2.5, "Parsing an event stream"); `data` is the only field of
//! interest here. Existing libraries want to own the connection, but page and terminal have different kinds of
//! connections.

use super::ProtocolError;

/// Maximum length of a line in bytes, so that a server can't fill the memory with a line that never ends.
const MAX_LINE: usize = 4 << 20;

/// Collects bytes into events.
#[derive(Clone, Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    /// True if the last byte was a carriage return: a line feed after it does not end another line.
    after_return: bool,
    data: Option<String>,
}

impl SseReader {
    /// Adds bytes and returns the data of each event that they complete.
    ///
    /// # Errors
    /// [`ProtocolError::LongLine`] if a line is too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, ProtocolError> {
        let mut events = Vec::new();
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ if self.line.len() == MAX_LINE => {
                    return Err(ProtocolError::LongLine { limit: MAX_LINE });
                }
                _ => self.line.push(*byte),
            }
        }
        Ok(events)
    }

    /// Ends a line and returns the data of the event that it completes, if any.
    fn end_line(&mut self) -> Option<String> {
        if self.line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&self.line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            }
        }
        self.line.clear();
        None
    }
}
