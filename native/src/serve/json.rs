//! Parsing of JSON bodies.

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::api_error::ApiError;

/// Parses a body as a JSON object.
pub fn object(body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    let _span = tracing::trace_span!("parse").entered();
    serde_json::from_slice(body)
        .map_err(|error| ApiError::Body(format!("the body is not a JSON object: {error}")))
}

/// Deserializes an object into `T`.
pub fn fields<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(object)).map_err(|error| ApiError::Invalid {
        message: error.to_string(),
        param: None,
    })
}

/// Removes a field from an object and deserializes it; null counts as missing.
pub fn take<T: DeserializeOwned>(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, ApiError> {
    let value = object.remove(name).filter(|value| !value.is_null());
    let parsed = value.map(serde_json::from_value).transpose();
    parsed.map_err(|error| ApiError::invalid(name, format!("{name}: {error}")))
}
