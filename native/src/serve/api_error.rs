//! Errors in the form of OpenAI's protocol.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use llamaglass_engine::event::Fault;
use llamaglass_engine::sampling::SettingError;
use serde_json::{Value, json};
use thiserror::Error;

/// An error that is sent to a client.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiError {
    /// The request is not valid or can't be served as it is.
    #[error("{message}")]
    Invalid {
        /// Says what is wrong and what would be valid.
        message: String,
        /// Name of the field at fault.
        param: Option<String>,
    },
    /// The body is not a JSON object, or broke off.
    #[error("{0}")]
    Body(String),
    /// The body is longer than the limit.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// Maximum length in bytes.
        limit: usize,
    },
    /// The body did not arrive within the time limit.
    #[error("the body did not arrive in time")]
    Slow,
    /// The API key is missing or wrong.
    #[error("missing or wrong API key; send the header Authorization: Bearer KEY")]
    Unauthorized,
    /// The request names a model other than the served one.
    #[error("model {requested:?} is not served here; available: {served:?}")]
    NoSuchModel {
        /// Model that the request names.
        requested: String,
        /// Model that is served.
        served: String,
    },
    /// The `Host` header has a foreign name: it may lead here by DNS rebinding.
    #[error(
        "unknown host name {0:?}; use the server's IP address, or start it with --allow-host NAME"
    )]
    ForeignHost(String),
    /// The request comes from a page of a foreign origin.
    #[error("pages of {0:?} may not use this server; start it with --cors ORIGIN to allow them")]
    ForeignOrigin(String),
    /// The `Content-Type` header says that the body is not JSON.
    #[error("unsupported content type {0}; expected application/json")]
    ContentType(String),
    /// No route has this path.
    #[error("no such path: {0}")]
    NoSuchPath(String),
    /// The path's route does not accept this method.
    #[error("this path does not accept {0} requests")]
    Method(String),
    /// The queue is full.
    #[error("the queue is full ({open} open requests); try again later")]
    Busy {
        /// Number of open requests.
        open: usize,
    },
    /// The server is shutting down.
    #[error("the server is stopping")]
    Stopping,
    /// The engine's thread has ended.
    #[error("the engine ended unexpectedly; the server is stopping")]
    EngineEnded,
    /// The engine failed.
    #[error("{0}")]
    Engine(String),
}

impl ApiError {
    /// Returns the error for an invalid field.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }

    /// Returns the error for a sampling setting that is out of range.
    pub fn of_setting(error: &SettingError) -> Self {
        Self::invalid(error.setting, error.to_string())
    }

    /// Returns the error for a request that the engine refused or failed to answer.
    pub fn of_engine(error: String, fault: Fault) -> Self {
        match fault {
            Fault::Request => Self::Invalid {
                message: error,
                param: None,
            },
            Fault::Engine => Self::Engine(error),
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Invalid { .. } | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoSuchModel { .. } | Self::NoSuchPath(_) => StatusCode::NOT_FOUND,
            Self::ForeignHost(_) | Self::ForeignOrigin(_) => StatusCode::FORBIDDEN,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Stopping | Self::EngineEnded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Engine(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the `error` object in OpenAI's form.
    pub fn object(&self) -> Value {
        let (kind, code) = match self {
            Self::Invalid { .. } => ("invalid_request_error", None),
            Self::Body(_) => ("invalid_request_error", Some("invalid_body")),
            Self::TooLarge { .. } => ("invalid_request_error", Some("body_too_large")),
            Self::Slow => ("invalid_request_error", Some("body_too_slow")),
            Self::Unauthorized => ("authentication_error", Some("invalid_api_key")),
            Self::NoSuchModel { .. } => ("invalid_request_error", Some("model_not_found")),
            Self::NoSuchPath(_) => ("invalid_request_error", Some("unknown_url")),
            Self::Method(_) => ("invalid_request_error", Some("method_not_allowed")),
            Self::Busy { .. } => ("rate_limit_error", Some("queue_full")),
            Self::ForeignHost(_) => ("invalid_request_error", Some("foreign_host")),
            Self::ForeignOrigin(_) => ("invalid_request_error", Some("foreign_origin")),
            Self::ContentType(_) => ("invalid_request_error", Some("unsupported_media_type")),
            Self::Stopping => ("server_error", Some("stopping")),
            Self::EngineEnded => ("server_error", Some("engine_ended")),
            Self::Engine(_) => ("server_error", None),
        };
        let param = match self {
            Self::Invalid { param, .. } => param.as_deref(),
            Self::NoSuchModel { .. } => Some("model"),
            _ => None,
        };
        json!({"error": {
            "message": self.to_string(),
            "type": kind,
            "param": param,
            "code": code,
        }})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.object())).into_response();
        if matches!(self, Self::Busy { .. }) {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}
