//! Writing to stdout and stderr without panicking where nobody reads.

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;

/// Writes `text` to stdout at once.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a line to stdout.
pub fn line(text: &str) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Writes `value` to stdout as indented JSON.
pub fn json(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Writes `value` to stdout as one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Writes a line to stderr, as far as anybody listens.
pub fn note(text: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{text}");
}

/// Whether stderr is a terminal, where progress may be drawn.
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether the error is that the reader of our output went away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    })
}

/// Bytes for people: 1.5 GiB, 12.3 MiB, 512 B.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A count for people: 134,515,008.
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

/// Text with what would move the cursor or end the line made visible.
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped: Vec<char> = if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_read_well() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(98_362_432), "93.8 MiB");
        assert_eq!(count(134_515_008), "134,515,008");
        assert_eq!(count(12), "12");
        assert_eq!(visible("a\n\u{1b}[0m"), "a\\n\\u{1b}[0m");
    }
}
