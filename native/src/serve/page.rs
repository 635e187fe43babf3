//! The built page as `--page` serves it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower_http::services::ServeDir;

/// The page's headers, a header a line.
const HEADERS: &str = include_str!("../../../public/headers.txt");

/// Serves the files of `folder`, except for names that begin with a dot, links that lead to such names or out of the
/// folder, and what is no file.
///
/// # Errors
/// Where the folder has no page.
pub fn service(folder: &Path) -> Result<Router> {
    let found = folder.join("index.html").is_file();
    ensure!(found, "{} has no page: index.html", folder.display());
    let whole = folder.canonicalize();
    let whole = whole.with_context(|| format!("{}", folder.display()))?;
    Ok(Router::new()
        .fallback_service(ServeDir::new(&whole))
        .layer(middleware::from_fn_with_state(
            Arc::<Path>::from(whole),
            refuse_other_files,
        ))
        .layer(middleware::map_response(add_headers)))
}

async fn add_headers(mut response: Response) -> Response {
    let lines = HEADERS.lines().filter(|line| !line.starts_with('#'));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Answers 404 for what is no part of the page.
async fn refuse_other_files(
    State(folder): State<Arc<Path>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let check = move || is_part_of(&folder, &path);
    // The file system may be slow, and this thread answers all clients.
    match tokio::task::spawn_blocking(check).await {
        Ok(true) => next.run(request).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns true where a URL's path names a file in `folder`, whose links are resolved.
fn is_part_of(folder: &Path, path: &str) -> bool {
    let Ok(path) = percent_decode_str(path).decode_utf8() else {
        return false;
    };
    if path.split(['/', '\\']).any(is_hidden) {
        return false;
    }
    let mut file: PathBuf = folder.join(path.trim_start_matches('/'));
    if file.is_dir() {
        file.push("index.html");
    }
    let Ok(file) = file.canonicalize() else {
        return false;
    };
    let Ok(inside) = file.strip_prefix(folder) else {
        return false;
    };
    // A link may lead to a name that begins with a dot, and reading a pipe would wait for ever.
    let mut names = inside.iter().map(|name| name.to_string_lossy());
    !names.any(|name| is_hidden(&name)) && file.is_file()
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_headers_is_a_header_or_a_comment() {
        for line in HEADERS.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(": ").expect(line);
            let name = name.parse::<HeaderName>().expect(line);
            assert!(value.parse::<HeaderValue>().is_ok(), "{name}");
        }
    }
}
