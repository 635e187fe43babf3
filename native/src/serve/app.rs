//! State that all handlers share, and the routes.

use llamaglass_lab::{LoadedModel, StubLevel};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware;
use axum::routing::{get, post};
use axum::{Json, Router};
use llamaglass_engine::event::Event;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::tokenizer::Tokenizer;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::answering::Answering;
use super::api_error::ApiError;
use super::client::Client;
use super::metrics::Metrics;
use super::origin::{self, Allowed};
use super::settings::ServeSettings;
use super::workers::Workers;
use super::{auth, body, metrics, openai, page, study, tokens};
use crate::engine_thread::{Answer, EngineHandle, EngineThread, SubmitError};

/// State that all handlers share.
pub struct App {
    pub engine: EngineHandle,
    pub info: LoadedModel,
    pub tokenizer: Arc<Tokenizer>,
    /// Name of the model in the API.
    pub model_name: String,
    /// API key that clients must send, if one is required.
    pub api_key: Option<String>,
    pub metrics: Metrics,
    pub workers: Workers,
    pub allowed: Allowed,
    /// Maximum number of queued requests.
    max_queue: usize,
    /// Maximum duration of an answer in milliseconds.
    longest_ms: f64,
    /// Maximum length of a body in bytes.
    pub max_body: usize,
    /// If true, requests with unknown fields are refused.
    pub strict: bool,
    stopping: AtomicBool,
    /// True once open answers must end with an error.
    cut: watch::Sender<bool>,
}

impl App {
    /// Creates the state for a loaded model.
    pub fn new(
        engine: &EngineThread,
        model_name: String,
        settings: &ServeSettings,
    ) -> Result<Self> {
        Ok(Self {
            engine: engine.handle()?,
            info: engine.info().clone(),
            tokenizer: Arc::clone(engine.tokenizer()),
            model_name,
            api_key: settings.api_key.clone(),
            metrics: Metrics::new(),
            workers: Workers::new(),
            allowed: Allowed::from(settings),
            max_queue: settings.max_queue,
            longest_ms: settings.max_seconds * 1e3,
            max_body: settings.max_body,
            strict: settings.strict,
            stopping: AtomicBool::new(false),
            cut: watch::Sender::new(false),
        })
    }

    /// Refuses all further requests.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Ends every open answer with an error, because the time to finish it has run out.
    pub fn cut_answers(&self) {
        self.cut.send_replace(true);
    }

    /// Returns a receiver that turns true on [`App::cut_answers`].
    pub fn cut(&self) -> watch::Receiver<bool> {
        self.cut.subscribe()
    }

    /// Submits a client's request to the engine and returns its answer once the first event has come.
    pub async fn submit(
        self: &Arc<Self>,
        client: Client,
        request: Request,
    ) -> Result<Answering, ApiError> {
        let answer = if self.engine.stub() == StubLevel::Handler {
            Answer::made_up(&request, self.info.context_length)
        } else {
            self.hand_over(client, request).await?
        };
        let mut answering = Answering::new(Arc::clone(self), answer);
        match answering.next().await {
            Event::Failed { error, fault, .. } => Err(ApiError::of_engine(error, fault)),
            _ => Ok(answering),
        }
    }

    /// Puts a request in the engine's queue, unless the queue is full.
    async fn hand_over(&self, client: Client, mut request: Request) -> Result<Answer, ApiError> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(ApiError::Stopping);
        }
        let asked = request.deadline_ms.unwrap_or(f64::INFINITY);
        request.deadline_ms = Some(asked.min(self.longest_ms));
        if let Some(answer) = self.engine.answer_at_entry(&request) {
            return Ok(answer);
        }
        let refused = |error| match error {
            SubmitError::Full { open } => ApiError::Busy { open },
            SubmitError::Died => ApiError::EngineEnded,
        };
        let most = self.info.batch + self.max_queue;
        let place = self.engine.reserve(most).map_err(refused)?;
        let engine = self.engine.clone();
        let submit = move || engine.submit_at(place, request);
        self.workers.run(client, submit).await?.map_err(refused)
    }

    /// Fails if a client asks for a model other than the served one.
    pub fn check_model(&self, asked: Option<&str>) -> Result<(), ApiError> {
        match asked {
            Some(asked) if asked != self.model_name => Err(ApiError::NoSuchModel {
                asked: asked.to_owned(),
                served: self.model_name.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Parses a body as a JSON object.
pub fn object(body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    let _span = tracing::trace_span!("parse").entered();
    serde_json::from_slice(body)
        .map_err(|error| ApiError::Body(format!("the body is no JSON object: {error}")))
}

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
        .route("/metrics", get(metrics::show))
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
        .with_state(Arc::clone(&app));
    router = match &settings.page {
        Some(folder) => router
            .route(MODEL_LIST, get(no_models))
            .fallback_service(page::service(folder)?),
        None => router.fallback(no_such_path),
    };
    // Inside CORS, which answers a browser's preflight request before the browser sends anything else.
    router = router.layer(middleware::from_fn_with_state(app, origin::check));
    if !settings.cors.is_empty() {
        let origin = |origin: &String| {
            HeaderValue::from_str(origin).with_context(|| format!("--cors {origin}: no origin"))
        };
        let allowed = if settings.cors.iter().any(|origin| origin == "*") {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(
                settings
                    .cors
                    .iter()
                    .map(origin)
                    .collect::<Result<Vec<_>>>()?,
            )
        };
        let cors = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            .expose_headers([openai::IGNORED]);
        // Not `*`: it does not cover `Authorization`, the header with the key.
        let headers = AllowHeaders::mirror_request();
        router = router.layer(cors.allow_headers(headers).allow_origin(allowed));
    }
    Ok(router)
}

/// Path at which the page looks for models that it can load itself.
const MODEL_LIST: &str = "/models.json";

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

async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::NoSuchPath(uri.path().to_owned())
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::Method(method.to_string())
}
