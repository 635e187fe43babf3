//! HTTP headers for the page and for the browser's cache.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::set_header::SetResponseHeaderLayer;

/// The page's headers, one per line.
const PAGE: &str = include_str!("../../../public/headers.txt");

/// Adds the page's headers, which workers need, too.
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

/// Sets `cache-control`: a successful response for a file with a content hash in its name may be cached for a
/// year, any other has to be revalidated on each use.
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

/// Returns a layer that sets `etag` to the file's SHA-256.
pub fn entity_tag(sha256: &str) -> SetResponseHeaderLayer<Option<HeaderValue>> {
    SetResponseHeaderLayer::overriding(ETAG, HeaderValue::from_str(&format!("\"{sha256}\"")).ok())
}

/// Returns true if the file's name contains a hash as trunk writes it, such as `app-0123456789abcdef_bg.wasm`.
fn has_hash(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(['-', '_', '.'])
        .any(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_hash_accepts_only_names_with_trunks_hash() {
        assert!(has_hash("/app-0123456789abcdef_bg.wasm"));
        assert!(has_hash("/style-0123456789abcdef.css"));
        assert!(!has_hash("/worker_bg.wasm"));
        assert!(!has_hash("/index.html"));
        assert!(!has_hash("/0123456789abcdef/index.html"));
    }
}
