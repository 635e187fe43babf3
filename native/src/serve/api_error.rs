//! What went wrong, as OpenAI's protocol says it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use llamaglass_engine::event::Fault;
use llamaglass_engine::sampling::SettingError;
use serde_json::{Value, json};
use thiserror::Error;

/// An error that a client hears.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiError {
    /// The request can't be answered as it is.
    #[error("{message}")]
    Invalid {
        /// What is wrong, and what would be right.
        message: String,
        /// The field that it is about.
        param: Option<String>,
    },
    /// The body is no JSON of the right form.
    #[error("{0}")]
    Body(String),
    /// The body is longer than is taken.
    #[error("the body is longer than the {limit} bytes that are taken")]
    TooLarge {
        /// The most.
        limit: usize,
    },
    /// The body does not come.
    #[error("the body took too long")]
    Slow,
    /// No key, or a wrong one.
    #[error("a valid API key is needed: Authorization: Bearer KEY")]
    Unauthorized,
    /// Another model than the one that is served.
    #[error("the model {asked:?} is not served here; there is {served:?}")]
    NoSuchModel {
        /// What was asked for.
        asked: String,
        /// What there is.
        served: String,
    },
    /// A name that may lead here against the will of whoever runs the server.
    #[error("{0:?} is no name of this server: use its address, or start it with --allow-host NAME")]
    ForeignHost(String),
    /// A page of another origin.
    #[error("pages of {0:?} may not use this server: start it with --cors ORIGIN if they may")]
    ForeignOrigin(String),
    /// A body that is no JSON by its own account.
    #[error("the body has to be application/json, not {0}")]
    ContentType(String),
    /// Nothing has this address.
    #[error("there is nothing at {0}")]
    NoSuchPath(String),
    /// The address does not take this method.
    #[error("this address takes no {0} requests")]
    Method(String),
    /// The queue is full.
    #[error("{open} requests wait or are answered, which is as many as may: try again later")]
    Busy {
        /// How many.
        open: usize,
    },
    /// The server is about to end.
    #[error("the server is stopping")]
    Stopping,
    /// The engine's thread has ended.
    #[error("the engine ended unexpectedly: the server stops")]
    EngineEnded,
    /// The engine failed.
    #[error("{0}")]
    Engine(String),
}

impl ApiError {
    /// What is wrong with a field.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }

    /// A sampling setting that is out of its range.
    pub fn of_setting(error: &SettingError) -> Self {
        Self::invalid(error.setting, error.to_string())
    }

    /// A request that the engine would not, or could not answer.
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

    /// The error object.
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
