//! The server that the page comes from: the built files, the models, and what there are of them.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result};
use axum::Router;
use axum::middleware;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tower_http::services::{ServeDir, ServeFile};

mod headers;
#[cfg(test)]
mod tests;

/// One model of `/models.json`, which is a list of these. The file itself is at `/models/FILE`, in
/// whole or by byte ranges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ModelEntry {
    /// Its name on the screen.
    pub name: String,
    /// Its file's name, without a folder.
    pub file: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Whether the page starts with it.
    pub default: bool,
}

/// Takes the port, on this machine's own address only. Port 0 takes any.
///
/// # Errors
/// Where the port is taken or not allowed, with what to do.
pub fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} can't be used: choose another with --port"))?;
    // tokio takes it over.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until `stop` is done.
///
/// # Errors
/// Where the listener fails.
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

/// The page in `dist`, `/models.json`, and the listed files of the folder `models` under `/models/`.
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
        .layer(middleware::map_response(headers::isolate))
        .layer(middleware::from_fn(headers::cache_control))
}
