//! Server addresses, as typed by a user.

use std::fmt;

use thiserror::Error;

/// Endpoint paths that copied addresses may end in.
const ENDPOINTS: [&str; 3] = ["/chat/completions", "/completions", "/models"];

/// Address of a server: the base that request paths are appended to, such as `http://127.0.0.1:8000/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(String);

/// Reason why an address is invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// The address is empty.
    #[error("the address is empty; expected one like http://127.0.0.1:8000/v1")]
    Empty,
    /// The protocol is neither http nor https.
    #[error("unknown protocol {0:?}; expected http or https")]
    Scheme(String),
    /// The host is missing or invalid.
    #[error("{0:?} names no host; expected an address like http://127.0.0.1:8000/v1")]
    Host(String),
    /// The address contains a user name or password.
    #[error("an address can't contain a user name or password; give the API key separately")]
    Credentials,
    /// The address has a query or a fragment.
    #[error("the address must not end in {0:?}")]
    Query(String),
}

impl ServerAddress {
    /// Parses an address that may lack the protocol (http) or the `/v1`, and may end in slashes or in the path of an
    /// endpoint.
    ///
    /// # Errors
    /// [`AddressError`] if the address is invalid.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        let (scheme, rest) = typed.split_once("://").unwrap_or(("http", typed));
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(AddressError::Scheme(scheme));
        }
        let (authority, _) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(AddressError::Credentials);
        }
        if let Some(at) = rest.find(['?', '#']) {
            return Err(AddressError::Query(rest[at..].to_owned()));
        }
        // The URL standard skips these, and so would take a path for the host.
        let skipped = |c: char| c.is_whitespace() || c.is_control();
        let url = (!authority.is_empty() && !rest.contains(skipped))
            .then(|| Url::parse(&format!("{scheme}://{rest}")))
            .flatten();
        let url = url.ok_or_else(|| AddressError::Host(rest.to_owned()))?;
        Ok(Self(format!("{scheme}://{}{}", url.host, base(&url.path))))
    }

    /// Returns the base that request paths such as `/models` are appended to.
    pub fn base(&self) -> &str {
        &self.0
    }

    /// Returns the base without `/v1` at its end, for protocols other than OpenAI's.
    pub fn root(&self) -> &str {
        self.0.strip_suffix("/v1").unwrap_or(&self.0)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Removes the path of an endpoint and adds `/v1` to a path without a version.
fn base(path: &str) -> String {
    let mut path = path.trim_end_matches('/');
    let endpoint = ENDPOINTS.iter().find_map(|end| path.strip_suffix(end));
    if let Some(before) = endpoint {
        path = before.trim_end_matches('/');
    }
    let is_version = |part: &str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|c: char| c.is_ascii_digit())
    };
    let missing = match path.split('/').any(is_version) {
        true => "",
        false => "/v1",
    };
    format!("{path}{missing}")
}

/// Returns the host of a URL, with its port unless that is the protocol's own; a text that is no URL is returned as
/// it is.
pub fn host(url: &str) -> String {
    Url::parse(url).map_or_else(|| url.to_owned(), |url| url.host)
}

/// Parts of a URL, by the URL standard.
struct Url {
    /// Host, and port unless it is the protocol's own.
    host: String,
    path: String,
}

impl Url {
    #[cfg(not(target_arch = "wasm32"))]
    fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        let port = url.port().map(|port| format!(":{port}"));
        Some(Self {
            host: format!("{}{}", url.host_str()?, port.unwrap_or_default()),
            path: url.path().to_owned(),
        })
    }

    /// Uses the browser's parser: the `url` crate would add its Unicode tables to the page.
    #[cfg(target_arch = "wasm32")]
    fn parse(text: &str) -> Option<Self> {
        let url = web_sys::Url::new(text).ok()?;
        Some(Self {
            host: url.host(),
            path: url.pathname(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(typed: &str) -> Result<String, AddressError> {
        ServerAddress::parse(typed).map(|address| address.to_string())
    }

    #[test]
    fn parse_normalises_typed_addresses() {
        for typed in [
            "http://127.0.0.1:8000/v1",
            " 127.0.0.1:8000 ",
            "http://127.0.0.1:8000///",
            "HTTP://127.0.0.1:8000/v1//",
            "http://127.0.0.1:8000/v1/chat/completions",
            "http://127.0.0.1:8000/v1/models/",
        ] {
            let base = "http://127.0.0.1:8000/v1";
            assert_eq!(parse(typed).as_deref(), Ok(base), "{typed}");
        }
        for (typed, base) in [
            ("h:1", "http://h:1/v1"),
            ("localhost", "http://localhost/v1"),
            ("[::1]:8000", "http://[::1]:8000/v1"),
            ("http://h:80", "http://h/v1"),
            ("a.org/vault", "http://a.org/vault/v1"),
            ("https://münchen.de", "https://xn--mnchen-3ya.de/v1"),
            (
                "https://A.org/v1beta/openai/",
                "https://a.org/v1beta/openai",
            ),
            ("https://A.org/openai", "https://a.org/openai/v1"),
        ] {
            assert_eq!(parse(typed).as_deref(), Ok(base), "{typed}");
        }
    }

    #[test]
    fn host_is_between_scheme_and_path() {
        assert_eq!(host("http://127.0.0.1:8000/v1"), "127.0.0.1:8000");
        assert_eq!(host("https://a.org"), "a.org");
    }

    #[test]
    fn root_is_base_without_version() {
        for (typed, root) in [
            ("h:1", "http://h:1"),
            ("https://h/api/v1", "https://h/api"),
            ("https://h/v1beta/openai", "https://h/v1beta/openai"),
        ] {
            let address = ServerAddress::parse(typed).expect(typed);
            assert_eq!(address.root(), root);
        }
    }

    #[test]
    fn parse_rejects_invalid_addresses_without_repeating_passwords() {
        for (typed, words) in [
            ("  ", "empty"),
            ("ftp://a.org", "\"ftp\""),
            ("http:///v1", "names no host"),
            (":8000", "names no host"),
            ("a b.org", "names no host"),
            ("h:port", "names no host"),
            ("http://me:secret@a.org", "API key separately"),
            ("http://me:secret@:1/?x", "API key separately"),
            ("a.org/v1?key=1", "?key=1"),
        ] {
            let error = parse(typed).expect_err(typed).to_string();
            assert!(error.contains(words), "{typed}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn parse_is_idempotent(typed in "(https?://)?[a-z]{1,5}(:[0-9]{1,4})?(/[a-z0-9]{1,3}){0,3}/{0,2}") {
            let base = parse(&typed).expect("an address");
            prop_assert_eq!(parse(&base), Ok(base.clone()));
        }

        #[test]
        fn parse_never_panics(typed in ".*") {
            // The result does not matter here.
            let _address = parse(&typed);
        }
    }
}
