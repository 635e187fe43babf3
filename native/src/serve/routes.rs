//! The server's routes.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::api_error::ApiError;
use super::app::App;
use super::origin::{self, Allowed};
use super::settings::ServeSettings;
use super::{auth, body, openai, page, study, tokens};

/// Path at which the page looks for models that it can load itself.
const MODEL_LIST: &str = "/models.json";

/// Builds the router with all routes.
pub fn router(app: Arc<App>, settings: &ServeSettings) -> Result<Router> {
    let needs_key = Router::new()
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/completions", post(openai::completions))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{name}", get(openai::model))
        .route("/tokenize", post(tokens::tokenize))
        .route("/detokenize", post(tokens::detokenize))
        .route("/models/{name}/generate", post(study::generate))
        .route(
            "/models/{name}/generate_stream",
            post(study::generate_stream),
        )
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), body::read))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            auth::check,
        ));
    let mut router = Router::new()
        .merge(needs_key)
        .route("/health", get(health))
        // `body::read` has read and limited the bodies already.
        .layer(DefaultBodyLimit::disable())
        .with_state(app);
    router = match &settings.page {
        Some(folder) => router
            .route(MODEL_LIST, get(no_models))
            .fallback_service(page::service(folder)?),
        None => router.fallback(no_such_path),
    };
    // Inside CORS, which answers a browser's preflight request before the browser sends anything else.
    let allowed = Arc::new(Allowed::from(settings));
    router = router.layer(middleware::from_fn_with_state(allowed, origin::check));
    if !settings.cors.is_empty() {
        router = router.layer(cors(&settings.cors)?);
    }
    Ok(router)
}

/// Allows the pages of `origins` to use the server.
fn cors(origins: &[String]) -> Result<CorsLayer> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let value = |origin: &String| {
            HeaderValue::from_str(origin)
                .with_context(|| format!("invalid origin {origin:?} in --cors"))
        };
        AllowOrigin::list(origins.iter().map(value).collect::<Result<Vec<_>>>()?)
    };
    Ok(CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .expose_headers([openai::IGNORED])
        // Not `*`: it does not cover `Authorization`, the header with the key.
        .allow_headers(AllowHeaders::mirror_request())
        .allow_origin(allowed))
}

/// Returns an empty list of models to load; the page then asks `/v1/models` for the served model.
async fn no_models() -> Json<[Value; 0]> {
    Json([])
}

async fn health(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    if app.engine.is_alive() {
        Ok("ok")
    } else {
        Err(ApiError::EngineEnded)
    }
}

/// Returns the metrics in the OpenMetrics text format.
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(CONTENT_TYPE, kind)],
        app.metrics.text(app.engine.gauges()),
    )
}

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::NoSuchPath(uri.path().to_owned())
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::Method(method.to_string())
}
