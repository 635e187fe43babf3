//! Reading of request bodies, with limits on their length and duration.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::api_error::ApiError;
use super::app::App;

/// Maximum number of bytes to read from a body that is too long before closing the connection. The rest of the
/// body is read because a client reads the error only once it has sent everything.
const MAX_DISCARDED: usize = 64 << 20;
/// Time limit for receiving a body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the whole body before the request is handled.
pub async fn read(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(TIMEOUT, collect(body, app.max_body)).await;
    match read.unwrap_or(Err(ApiError::Slow)) {
        Ok(body) => next.run(Request::from_parts(parts, body.into())).await,
        Err(error) => error.into_response(),
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut all, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::Body(format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= limit {
            all.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    if length > limit {
        return Err(ApiError::TooLarge { limit });
    }
    Ok(all.into())
}
