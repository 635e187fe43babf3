//! The response header that names a request's fields without effect.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

/// Response header with the names of the request's unknown fields, separated by commas.
pub const IGNORED: HeaderName = HeaderName::from_static("x-llamaglass-ignored");

/// Maximum length of the header's value in bytes: clients choose the names.
const MAX_BYTES: usize = 1024;

/// Adds the header to a response, unless `names` is empty.
pub fn with_ignored(mut response: Response, names: &[String]) -> Response {
    if let Some(value) = header_value(names) {
        response.headers_mut().insert(IGNORED, value);
    }
    response
}

fn header_value(names: &[String]) -> Option<HeaderValue> {
    let mut text = String::new();
    for name in names {
        let separator = if text.is_empty() { "" } else { ", " };
        if text.len() + separator.len() + name.len() > MAX_BYTES {
            text.push_str(separator);
            text.push_str("...");
            break;
        }
        text.push_str(separator);
        text.extend(name.chars().map(header_safe));
    }
    (!text.is_empty()).then(|| HeaderValue::from_str(&text).ok())?
}

/// Replaces characters that a header can't hold, and commas, which separate names, by question marks.
const fn header_safe(c: char) -> char {
    match c {
        ' '..='+' | '-'..='~' => c,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let value = header_value(&names)?;
        Some(value.to_str().expect("visible ASCII").to_owned())
    }

    #[test]
    fn header_names_fields_in_safe_characters() {
        assert_eq!(value(&[]), None);
        assert_eq!(value(&["top_a", "x-y"]).as_deref(), Some("top_a, x-y"));
        assert_eq!(value(&["a\r\nb: c,é"]).as_deref(), Some("a??b: c??"));
    }

    #[test]
    fn header_is_truncated_when_there_are_many_fields() {
        let long = "n".repeat(90);
        let value = value(&vec![&*long; 1000]).expect("names");
        assert!(value.len() < MAX_BYTES + 10, "{}", value.len());
        assert!(value.ends_with(", ..."));
        let one = header_value(&["n".repeat(5000)]).expect("a name");
        assert_eq!(one, "...");
    }
}
