//! Bodies of requests, as long and as slow as they may be.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::api_error::ApiError;
use super::app::App;

/// What is read of a body that is too long before the connection is given up: a client hears what is
/// wrong only once it has sent what it wanted to.
const MOST_IGNORED: usize = 64 << 20;
/// How long a body may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a request's body before it is answered.
pub async fn read(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(TIMEOUT, collect(body, app.max_body)).await;
    match read.unwrap_or(Err(ApiError::Slow)) {
        Ok(body) => next.run(Request::from_parts(parts, body.into())).await,
        Err(error) => error.into_response(),
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut pieces = body.into_data_stream();
    let (mut all, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|error| ApiError::Body(format!("the body broke off: {error}")))?;
        length += piece.len();
        if length <= limit {
            all.extend_from_slice(&piece);
        } else if length > MOST_IGNORED {
            break;
        }
    }
    if length > limit {
        return Err(ApiError::TooLarge { limit });
    }
    Ok(all.into())
}
