//! Serves the built page, the models, and the list of models.

use std::future::{self, Future};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::middleware;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;

mod headers;
#[cfg(test)]
mod tests;

/// One entry of the list in `/models.json`. The file itself is served under `/models/FILE`, as a whole or by byte
/// ranges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ModelEntry {
    /// Display name.
    pub name: String,
    /// Name of the file, without a folder.
    pub file: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// True for the page's default model.
    pub default: bool,
}

/// Listens on the port of 127.0.0.1; port 0 takes a free one.
///
/// # Errors
/// If the port is in use or not allowed; the message says what to do.
pub fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} can't be used: choose another with --port"))?;
    // tokio requires a non-blocking listener.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until `stop` completes.
pub fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await
    })?;
    Ok(())
}

/// Serves on a thread of its own until this process exits, and returns the base URL.
///
/// # Errors
/// Same as [`listen`].
pub fn serve_in_background(port: u16, router: Router) -> Result<String> {
    let listener = listen(port)?;
    let url = format!("http://{}/", listener.local_addr()?);
    thread::spawn(move || serve(listener, router, future::pending()));
    Ok(url)
}

/// Lets pages of other origins, such as wasm-bindgen's test pages, read what the router serves.
pub fn for_other_origins(router: Router) -> Router {
    router.layer(SetResponseHeaderLayer::overriding(
        ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    ))
}

/// Returns a router for the page in `dist`, `/models.json`, and the listed files of the folder `models` under
/// `/models/`.
pub fn router(dist: &Path, models: &Path, entries: Vec<ModelEntry>) -> Router {
    let files = entries.iter().fold(Router::new(), |router, entry| {
        let file = ServeFile::new(models.join(&entry.file));
        let tagged = Router::new()
            .fallback_service(file)
            .layer(headers::entity_tag(&entry.sha256));
        router.nest_service(&format!("/models/{}", entry.file), tagged)
    });
    files
        .route("/models.json", get(async move || axum::Json(entries)))
        .fallback_service(ServeDir::new(dist))
        .layer(middleware::map_response(headers::page))
        .layer(middleware::from_fn(headers::cache_control))
}
