//! Server-sent events as they come, in pieces of any size.
//!
//! The format is the HTML standard's (9.2.5, "Parsing an event stream"); of its fields only `data` is
//! of interest here. The libraries for it want to own the connection, and page and terminal have
//! different ones.

use super::ProtocolError;

/// The longest line that is read: a server that never ends one must not fill the memory.
const LONGEST: usize = 4 << 20;

/// Collects bytes to events.
#[derive(Clone, Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    /// A line feed after this carriage return ends no other line.
    after_return: bool,
    data: Option<String>,
}

impl SseReader {
    /// Takes bytes in; the data of each event that they end.
    ///
    /// # Errors
    /// [`ProtocolError::LongLine`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, ProtocolError> {
        let mut events = Vec::new();
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ if self.line.len() == LONGEST => {
                    return Err(ProtocolError::LongLine { limit: LONGEST });
                }
                _ => self.line.push(*byte),
            }
        }
        Ok(events)
    }

    /// Takes a line in; the data of the event that it ends, if it ends one that has any.
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
