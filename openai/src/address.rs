//! Parses a server's address as typed by a user.

use thiserror::Error;

/// Endpoint paths that copied addresses may end in.
const ENDPOINTS: [&str; 3] = ["/chat/completions", "/completions", "/models"];

/// Reason why an address is invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// The address is empty.
    #[error("the address is empty: it looks like http://127.0.0.1:8000/v1")]
    Empty,
    /// The protocol is neither http nor https.
    #[error("{0}: is no protocol that servers speak; it has to be http or https")]
    Scheme(String),
    /// The host is missing or invalid.
    #[error("{0:?} names no machine")]
    Host(String),
    /// The address contains a user name or password.
    #[error("an address can't hold a key: there is a field for it")]
    Key,
    /// The address has a query or a fragment.
    #[error("the address ends in {0:?}, which does not belong to it")]
    Query(String),
}

/// Normalises an address to the base that request paths are appended to, such as `http://127.0.0.1:8000/v1`.
/// `typed` may lack the protocol or the `/v1`, and may end in slashes or in the path of an endpoint.
///
/// # Errors
/// [`AddressError`] if the address is invalid.
pub fn base_url(typed: &str) -> Result<String, AddressError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(AddressError::Empty);
    }
    let (scheme, rest) = typed.split_once("://").unwrap_or(("http", typed));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(AddressError::Scheme(scheme));
    }
    if let Some(at) = rest.find(['?', '#']) {
        return Err(AddressError::Query(rest[at..].to_owned()));
    }
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.contains('@') {
        return Err(AddressError::Key);
    }
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "\\\"<>^`{|}".contains(c);
    if host.is_empty() || host.starts_with(':') || rest.contains(wrong) {
        return Err(AddressError::Host(rest.to_owned()));
    }
    let mut path = path.trim_end_matches('/');
    for endpoint in ENDPOINTS {
        if let Some(before) = path.strip_suffix(endpoint) {
            path = before.trim_end_matches('/');
            break;
        }
    }
    let version = |part: &str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|c: char| c.is_ascii_digit())
    };
    let missing = if path.split('/').any(version) {
        ""
    } else {
        "/v1"
    };
    let host = host.to_ascii_lowercase();
    Ok(format!("{scheme}://{host}{path}{missing}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base_url_normalises_typed_addresses() {
        for typed in [
            "http://127.0.0.1:8000/v1",
            " 127.0.0.1:8000 ",
            "http://127.0.0.1:8000///",
            "HTTP://127.0.0.1:8000/v1//",
            "http://127.0.0.1:8000/v1/chat/completions",
            "http://127.0.0.1:8000/v1/models/",
        ] {
            assert_eq!(
                base_url(typed).as_deref(),
                Ok("http://127.0.0.1:8000/v1"),
                "{typed}"
            );
        }
        for (typed, base) in [
            (
                "https://Example.org/openai",
                "https://example.org/openai/v1",
            ),
            (
                "https://a.org/v1beta/openai/",
                "https://a.org/v1beta/openai",
            ),
            ("[::1]:8000", "http://[::1]:8000/v1"),
            ("a.org/vault", "http://a.org/vault/v1"),
        ] {
            assert_eq!(base_url(typed).as_deref(), Ok(base), "{typed}");
        }
    }

    #[test]
    fn base_url_rejects_invalid_addresses() {
        for (typed, words) in [
            ("  ", "empty"),
            ("ftp://a.org", "ftp"),
            ("http:///v1", "no machine"),
            (":8000", "no machine"),
            ("a b.org", "no machine"),
            ("http://me:secret@a.org", "a field for it"),
            ("a.org/v1?key=1", "?key=1"),
        ] {
            let error = base_url(typed).expect_err(typed).to_string();
            assert!(error.contains(words), "{typed}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn base_url_is_idempotent(typed in "(https?://)?[a-z]{1,5}(:[0-9]{1,4})?(/[a-z0-9]{1,3}){0,3}/{0,2}") {
            let base = base_url(&typed).expect("an address");
            prop_assert_eq!(base_url(&base), Ok(base.clone()));
        }

        #[test]
        fn base_url_never_panics(typed in ".*") {
            // The result does not matter here.
            let _base = base_url(&typed);
        }
    }
}
