//! Protection against requests that a foreign page may have caused.
//!
//! A page in a browser on this machine can send requests to the server, although it may not read the responses.
//! Two tricks let it do more: a domain of its own that resolves to this machine (DNS rebinding), which the `Host`
//! header reveals, and requests that need no permission (text/plain), which `Origin` and `Content-Type` reveal.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api_error::ApiError;
use super::settings::ServeSettings;

/// Host names and origins that requests may have.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Allows any host name: requests need a key, which no foreign page has.
    any_host: bool,
    hosts: Vec<String>,
    any_origin: bool,
    origins: Vec<String>,
}

impl From<&ServeSettings> for Allowed {
    fn from(settings: &ServeSettings) -> Self {
        Self {
            any_host: settings.api_key.is_some(),
            hosts: settings.allow_host.clone(),
            any_origin: settings.cors.iter().any(|origin| origin == "*"),
            origins: settings.cors.clone(),
        }
    }
}

impl Allowed {
    /// Checks a request's headers.
    ///
    /// # Errors
    /// [`ApiError::ForeignHost`], [`ApiError::ForeignOrigin`] or [`ApiError::ContentType`].
    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = text(headers, &HOST);
        if headers.get_all(HOST).iter().nth(1).is_some() {
            // RFC 9112, section 3.2.
            return Err(ApiError::ForeignHost("two names".into()));
        }
        // Browsers always send `Host`.
        if let Some(host) = host.filter(|host| !self.is_own_host(host)) {
            return Err(ApiError::ForeignHost(host.to_owned()));
        }
        if let Some(origin) = text(headers, &ORIGIN).filter(|origin| !self.is_own(origin, host)) {
            return Err(ApiError::ForeignOrigin(origin.to_owned()));
        }
        let content = text(headers, &CONTENT_TYPE).filter(|_| *method == Method::POST);
        match content.filter(|content| !is_json(content)) {
            Some(content) => Err(ApiError::ContentType(content.to_owned())),
            None => Ok(()),
        }
    }

    /// Returns true for an IP address, `localhost` or an allowed name. Addresses can't be made to lead elsewhere,
    /// other names can.
    fn is_own_host(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let is_named = |own: &String| own.eq_ignore_ascii_case(name);
        self.any_host
            || address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(is_named)
    }

    /// Returns true for this server's own page and for origins that `--cors` names.
    fn is_own(&self, origin: &str, host: Option<&str>) -> bool {
        let own = origin.parse::<Uri>().ok();
        let own = own.as_ref().and_then(Uri::authority).map(Authority::as_str);
        self.any_origin
            || self.origins.iter().any(|allowed| allowed == origin)
            || (own.is_some() && own == host)
    }
}

/// Refuses requests that a foreign page may have caused.
pub async fn check(State(allowed): State<Arc<Allowed>>, request: Request, next: Next) -> Response {
    match allowed.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Returns a header's text, or `?`, which matches no name, if it is not visible ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().unwrap_or("?"))
}

fn is_json(content: &str) -> bool {
    let kind = content.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn allowed() -> Allowed {
        Allowed {
            any_host: false,
            hosts: vec!["box.example".into()],
            any_origin: false,
            origins: vec!["https://page.example".into()],
        }
    }

    fn check(allowed: &Allowed, headers: &[(HeaderName, &str)]) -> Result<(), ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        allowed.check(&Method::POST, &map)
    }

    #[test]
    fn accepts_addresses_localhost_and_allowed_hosts() {
        let all = "127.0.0.1:8000 [::1]:8000 LOCALHOST 192.168.1.7:80 box.example:8000";
        for host in all.split(' ') {
            assert_eq!(check(&allowed(), &[(HOST, host)]), Ok(()), "{host}");
        }
        assert_eq!(check(&allowed(), &[]), Ok(()));
    }

    #[test]
    fn refuses_other_hosts_when_no_key_is_required() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8000",
            "localhost.evil.example",
            "evil.example@localhost",
            "",
        ] {
            let refused = check(&allowed(), &[(HOST, host)]);
            assert_eq!(refused, Err(ApiError::ForeignHost(host.into())));
        }
        let mut two = HeaderMap::new();
        two.append(HOST, HeaderValue::from_static("localhost"));
        two.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(allowed().check(&Method::POST, &two).is_err());
        let with_key = Allowed {
            any_host: true,
            ..allowed()
        };
        assert_eq!(check(&with_key, &[(HOST, "evil.example")]), Ok(()));
    }

    #[test]
    fn accepts_own_and_allowed_origins_only() {
        let ask = |origin| check(&allowed(), &[(HOST, "localhost:8000"), (ORIGIN, origin)]);
        assert_eq!(ask("http://localhost:8000"), Ok(()));
        assert_eq!(ask("https://page.example"), Ok(()));
        let all = "null http://localhost:9000 http://evil.example https://page.example.evil";
        for origin in all.split(' ') {
            assert_eq!(ask(origin), Err(ApiError::ForeignOrigin(origin.into())));
        }
    }

    #[test]
    fn refuses_content_types_other_than_json() {
        let ask = |content| check(&allowed(), &[(CONTENT_TYPE, content)]);
        assert_eq!(ask("application/json"), Ok(()));
        assert_eq!(ask("Application/JSON; charset=utf-8"), Ok(()));
        let all = "text/plain application/x-www-form-urlencoded multipart/form-data";
        for content in all.split(' ') {
            assert_eq!(ask(content), Err(ApiError::ContentType(content.into())));
        }
    }
}
