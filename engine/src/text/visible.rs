//! Makes text safe to show on a terminal.
//!
//! Text from models, files and servers may contain escape sequences that move the cursor, change a terminal's
//! colours or title, or reorder the text.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns text in which every character that a terminal would interpret is escaped, except new lines and
/// tabs.
pub fn safe(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe, escape)
}

/// Returns text on one line: like [`safe`], with new lines and tabs escaped too.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unsafe(c) || matches!(c, '\n' | '\t'), escape)
}

/// Returns JSON in which the same characters are escaped in JSON's own way, so that its value is unchanged.
pub fn safe_json(json: &str) -> Cow<'_, str> {
    // Outside strings, JSON has no such characters.
    escaped(json, is_unsafe, |c, out| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            let _infallible = write!(out, "\\u{unit:04x}");
        }
    })
}

/// Returns true for control characters and for characters that reorder text or break lines.
fn is_unsafe(c: char) -> bool {
    let reorders = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    reorders || ends_line || (c.is_control() && !matches!(c, '\n' | '\t'))
}

fn escape(c: char, out: &mut String) {
    out.extend(c.escape_default());
}

fn escaped(
    text: &str,
    is_wrong: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&is_wrong) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_wrong(c) {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_escapes_control_and_reordering_characters() {
        for (text, shown) in [
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\rb\u{8}c\u{7f}", "a\\rb\\u{8}c\\u{7f}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("gnp\u{202e}exe.", "gnp\\u{202e}exe."),
            ("\u{2066}a\u{2069}\u{2028}", "\\u{2066}a\\u{2069}\\u{2028}"),
        ] {
            assert_eq!(safe(text), shown);
        }
        let harmless = "two\nlines\twith é, 日本 and 🦙\u{200d}";
        assert!(matches!(safe(harmless), Cow::Borrowed(text) if text == harmless));
    }

    #[test]
    fn visible_escapes_new_lines_and_tabs() {
        assert_eq!(visible("a\n\u{1b}[0m\t"), "a\\n\\u{1b}[0m\\t");
    }

    #[test]
    fn safe_json_keeps_the_value_and_escapes_unsafe_characters() {
        let text = "\u{7f}\u{9b}2J\u{202e}\u{1b} é";
        let json = serde_json::to_string_pretty(&[text]).expect("JSON");
        let safe = safe_json(&json);
        assert!(!safe.contains(is_unsafe), "{safe}");
        let back: [String; 1] = serde_json::from_str(&safe).expect("JSON");
        assert_eq!(back, [text]);
    }
}
