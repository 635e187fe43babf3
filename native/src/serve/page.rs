//! Static files of the built page, for `--page`.

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

/// Response headers of the page, one per line.
const HEADERS: &str = include_str!("../../../public/headers.txt");

/// Serves the files in `folder`. Names that begin with a dot, links that lead to such names or out of the folder,
/// and anything that is not a regular file get 404.
///
/// # Errors
/// Fails if the folder has no `index.html` or its path can't be resolved.
pub fn service(folder: &Path) -> Result<Router> {
    let found = folder.join("index.html").is_file();
    ensure!(
        found,
        "{} does not contain a built page (index.html)",
        folder.display()
    );
    let resolved = folder.canonicalize();
    let resolved = resolved.with_context(|| format!("{}", folder.display()))?;
    Ok(Router::new()
        .fallback_service(ServeDir::new(&resolved))
        .layer(middleware::from_fn_with_state(
            Arc::<Path>::from(resolved),
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

/// Returns 404 for everything that is not part of the page.
async fn refuse_other_files(
    State(folder): State<Arc<Path>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let check = move || is_part_of(&folder, &path);
    // The file system may be slow, and this thread serves all clients.
    match tokio::task::spawn_blocking(check).await {
        Ok(true) => next.run(request).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns true if a URL's path names a file in `folder`, whose links are resolved already.
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
    // A link may lead to a hidden name, and reading a pipe would block forever.
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
