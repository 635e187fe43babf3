//! The headers that the page and its browser's cache need.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::set_header::SetResponseHeaderLayer;

/// The page's headers, a header a line.
const PAGE: &str = include_str!("../../../public/headers.txt");

/// Adds the page's headers, which workers need as well as the page.
pub async fn page(mut response: Response) -> Response {
    let lines = PAGE.lines().filter(|line| !line.starts_with('#'));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Says how long an answer may be kept: for ever where the name holds the content's hash, else only
/// after asking again.
pub async fn cache_control(request: Request, next: Next) -> Response {
    let hashed = has_hash(request.uri().path());
    let mut response = next.run(request).await;
    let value = if hashed && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

/// The header by which a file's content is known.
pub fn entity_tag(sha256: &str) -> SetResponseHeaderLayer<Option<HeaderValue>> {
    SetResponseHeaderLayer::overriding(ETAG, HeaderValue::from_str(&format!("\"{sha256}\"")).ok())
}

/// Whether a file's name holds a hash as trunk writes it: `app-0123456789abcdef_bg.wasm`.
fn has_hash(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(['-', '_', '.'])
        .any(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_trunks_hash_are_told_from_others() {
        assert!(has_hash("/app-0123456789abcdef_bg.wasm"));
        assert!(has_hash("/style-0123456789abcdef.css"));
        assert!(!has_hash("/worker_bg.wasm"));
        assert!(!has_hash("/index.html"));
        assert!(!has_hash("/0123456789abcdef/index.html"));
    }
}
