//! Decides which requests the program makes for its page, and which responses it hands over.
//!
//! A page in a browser can't read responses from other origins. The program can, so a script that gets into the
//! page could use it to read every server that this machine reaches. The page itself only contacts servers that
//! its user names, in OpenAI's protocol. So the program makes only requests of that protocol, sends prompts only
//! to servers that have answered with a list of models, and hands over only bodies of the types that the protocol
//! has. Web pages, files and the settings of a router stay out of the page's reach.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use llamaglass_session::platform::FetchRequest;
use reqwest::Url;

/// Endings of the paths that are requested with GET.
const GET_PATHS: [&str; 1] = ["/models"];
/// Endings of the paths that are requested with POST.
const POST_PATHS: [&str; 2] = ["/chat/completions", "/completions"];
/// Content types of responses.
const CONTENT_TYPES: [&str; 2] = ["application/json", "text/event-stream"];

/// Base URLs of the servers that have answered with a list of models since the program started.
#[derive(Debug, Default)]
pub struct Servers(Mutex<HashSet<String>>);

/// A request that may be made.
#[derive(Debug, PartialEq, Eq)]
pub struct AllowedRequest {
    pub url: Url,
    /// Base URL of the server.
    base: String,
}

impl Servers {
    /// Checks a request of the page.
    pub fn check(&self, request: &FetchRequest) -> Result<AllowedRequest, String> {
        let url =
            Url::parse(&request.url).map_err(|error| format!("the address is invalid: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{} is not a protocol of servers", url.scheme()));
        }
        let named = !url.username().is_empty() || url.password().is_some();
        if named || url.query().is_some() || url.fragment().is_some() {
            return Err("the address holds more than a server and a path".into());
        }
        let bearer = |value: &String| value.starts_with("Bearer ");
        if !request.authorization.as_ref().is_none_or(bearer) {
            return Err("a server is sent a key, and nothing else, as its authorization".into());
        }
        let ends: &[&str] = match request.body {
            Some(_) => &POST_PATHS,
            None => &GET_PATHS,
        };
        let base = ends.iter().find_map(|end| url.as_str().strip_suffix(end));
        let Some(base) = base.map(str::to_owned) else {
            return Err(format!("{} is not an address of the protocol", url.path()));
        };
        if request.body.is_some() && !self.lock().contains(&base) {
            return Err("the server has not been asked for its models".into());
        }
        Ok(AllowedRequest { url, base })
    }

    /// Records the server if its response is a success of a known type. Returns whether the page may have the body.
    pub fn allows_body(
        &self,
        allowed: &AllowedRequest,
        is_success: bool,
        content_type: &str,
    ) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let known = CONTENT_TYPES
            .iter()
            .any(|known| kind.eq_ignore_ascii_case(known));
        if known && is_success {
            self.lock().insert(allowed.base.clone());
        }
        known
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, body: Option<&str>) -> FetchRequest {
        FetchRequest {
            id: 0,
            url: url.into(),
            authorization: None,
            body: body.map(str::to_owned),
        }
    }

    #[test]
    fn only_protocol_requests_are_allowed() {
        let servers = Servers::default();
        for (url, allowed) in [
            ("http://a.org/v1/models", true),
            ("https://a.org/x/v1beta/models", true),
            ("http://[::1]:8000/v1/models", true),
            ("file:///etc/models", false),
            ("ftp://a.org/models", false),
            ("http://a.org/", false),
            ("http://a.org/v1/chat/completions", false),
            ("http://a.org/admin?next=/models", false),
            ("http://a.org/admin#/models", false),
            ("http://me:secret@a.org/v1/models", false),
            ("models", false),
        ] {
            assert_eq!(servers.check(&request(url, None)).is_ok(), allowed, "{url}");
        }
        let mut basic = request("http://a.org/v1/models", None);
        basic.authorization = Some("Basic bWU6c2VjcmV0".into());
        assert!(servers.check(&basic).is_err());
        basic.authorization = Some("Bearer secret".into());
        assert!(servers.check(&basic).is_ok());
    }

    #[test]
    fn prompts_go_only_to_servers_that_listed_models() {
        let servers = Servers::default();
        let prompt = request("http://a.org/v1/chat/completions", Some("{}"));
        assert!(servers.check(&prompt).is_err());
        let list = request("http://a.org/v1/models", None);
        let list = servers.check(&list).expect("of the protocol");
        assert!(!servers.allows_body(&list, true, "text/html"));
        assert!(servers.allows_body(&list, false, "application/json"));
        assert!(servers.check(&prompt).is_err());
        assert!(servers.allows_body(&list, true, "application/json; charset=utf-8"));
        assert!(servers.check(&prompt).is_ok());
        let elsewhere = request("http://a.org:81/v1/chat/completions", Some("{}"));
        assert!(servers.check(&elsewhere).is_err());
        let other = request("http://a.org/v1/models", Some("{}"));
        assert!(servers.check(&other).is_err());
    }
}
