//! API key check.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::api_error::ApiError;
use super::app::App;

/// Lets a request pass if it has the key, or if no key is required.
pub async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(key) = &app.api_key else {
        return next.run(request).await;
    };
    let given = request.headers().get(AUTHORIZATION);
    let given = given.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    // Constant time, so that the duration does not reveal how much of a guess is right.
    let right = given.is_some_and(|given| given.ct_eq(key.as_bytes()).into());
    if right {
        next.run(request).await
    } else {
        ApiError::Unauthorized.into_response()
    }
}
