//! Writing to stdout and stderr without a panic when nobody reads.
//!
//! Texts of models, files and servers may contain terminal control characters. Everything written here shows such
//! characters instead of sending them: as `\u{1b}` in text, and escaped in JSON. Progress bars and the line editor
//! bypass this module and write their own control sequences.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anyhow::Result;
use llamaglass_engine::text::{safe, safe_json};
use serde::Serialize;

pub use llamaglass_engine::text::visible;

/// Writes `text` to stdout and flushes it; [`safe`] replaces control characters.
pub fn print(text: &str) -> Result<()> {
    write_now(&safe(text))
}

fn write_now(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a line to stdout.
pub fn line(text: &str) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Writes `value` to stdout as indented JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    json_text(&serde_json::to_string_pretty(value)?)
}

/// Writes `value` to stdout as one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<()> {
    json_text(&serde_json::to_string(value)?)
}

fn json_text(text: &str) -> Result<()> {
    write_now(&format!("{}\n", safe_json(text)))
}

/// Writes a line to stderr, with control characters replaced by [`safe`]. Ignores errors.
pub fn note(text: &str) {
    let _nobody_listens = writeln!(io::stderr(), "{}", safe(text));
}

/// Returns a writer to stderr that replaces control characters as [`safe`] does, for text that others format.
pub const fn safe_stderr() -> SafeStderr {
    SafeStderr
}

/// Standard error with control characters replaced.
#[derive(Clone, Copy, Debug)]
pub struct SafeStderr;

impl Write for SafeStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(safe(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Returns true if stderr is a terminal, where progress may be drawn.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Returns true if the error is that the reader of our output has closed the pipe.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    })
}

/// Formats a count for people: 134,515,008.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(134_515_008), "134,515,008");
        assert_eq!(count(12), "12");
    }
}
