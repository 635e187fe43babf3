//! State that all handlers share.

use llamaglass_lab::{LoadedModel, StubLevel};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llamaglass_driver::{EngineHandle, EventStream, SharedEngine, SubmitError};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::tokenizer::Tokenizer;
use tokio::sync::watch;

use super::api_error::ApiError;
use super::client::Client;
use super::metrics::Metrics;
use super::settings::ServeSettings;
use super::workers::Workers;

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
    /// Maximum number of queued requests.
    max_queue: usize,
    /// Maximum duration of an answer in milliseconds.
    max_duration_ms: f64,
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
    pub fn new(engine: &SharedEngine, model_name: String, settings: &ServeSettings) -> Self {
        Self {
            engine: engine.handle().clone(),
            info: engine.info().clone(),
            tokenizer: Arc::clone(engine.tokenizer()),
            model_name,
            api_key: settings.api_key.clone(),
            metrics: Metrics::new(),
            workers: Workers::new(),
            max_queue: settings.max_queue,
            max_duration_ms: settings.max_seconds * 1e3,
            max_body: settings.max_body,
            strict: settings.strict,
            stopping: AtomicBool::new(false),
            cut: watch::Sender::new(false),
        }
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

    /// Puts a client's request in the engine's queue, unless the queue is full.
    pub async fn submit(
        &self,
        client: Client,
        mut request: Request,
    ) -> Result<EventStream, ApiError> {
        if self.engine.stub() == StubLevel::Handler {
            return Ok(EventStream::stub(&request, self.info.context_length));
        }
        if self.stopping.load(Ordering::Relaxed) {
            return Err(ApiError::Stopping);
        }
        let deadline_ms = request.deadline_ms.unwrap_or(f64::INFINITY);
        request.deadline_ms = Some(deadline_ms.min(self.max_duration_ms));
        if let Some(answer) = self.engine.respond_at_entry(&request) {
            return Ok(answer);
        }
        let refused = |error| match error {
            SubmitError::Full { open } => ApiError::Busy { open },
            SubmitError::Ended => ApiError::EngineEnded,
        };
        let max_open = self.info.batch + self.max_queue;
        let slot = self.engine.reserve(max_open).map_err(refused)?;
        let engine = self.engine.clone();
        let submit = move || engine.submit_with(slot, request);
        self.workers.run(client, submit).await?.map_err(refused)
    }

    /// Fails if a request names a model other than the served one.
    pub fn check_model(&self, requested: Option<&str>) -> Result<(), ApiError> {
        match requested {
            Some(requested) if requested != self.model_name => Err(ApiError::NoSuchModel {
                requested: requested.to_owned(),
                served: self.model_name.clone(),
            }),
            _ => Ok(()),
        }
    }
}
