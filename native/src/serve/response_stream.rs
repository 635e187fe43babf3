//! The events of a request in progress, and the record of them.

use std::sync::Arc;

use llamaglass_driver::EventStream;
use llamaglass_engine::event::{Event, Fault};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use tokio::sync::watch;

use super::api_error::ApiError;
use super::app::App;
use super::client::Client;

/// A request in progress. Dropping it before its last event aborts it within one step.
pub struct ResponseStream {
    app: Arc<App>,
    answer: EventStream,
    cut: watch::Receiver<bool>,
    ended: bool,
    /// Record of all events so far.
    pub record: Record,
}

impl ResponseStream {
    /// Submits a client's request to the engine and waits for the first event.
    pub async fn submit(
        app: &Arc<App>,
        client: Client,
        request: Request,
    ) -> Result<Self, ApiError> {
        let answer = app.submit(client, request).await?;
        let mut response = Self {
            cut: app.cut(),
            app: Arc::clone(app),
            answer,
            ended: false,
            record: Record::default(),
        };
        match response.next().await {
            Event::Failed { error, fault, .. } => Err(ApiError::of_engine(error, fault)),
            _ => Ok(response),
        }
    }

    /// Returns the next event. The last one is `Done` or `Failed`; every later call returns `Failed`.
    pub async fn next(&mut self) -> Event {
        let request = self.answer.id;
        let failed = |error: &str| Event::Failed {
            request,
            error: error.into(),
            fault: Fault::Engine,
        };
        let event = tokio::select! {
            biased;
            event = self.answer.next() => {
                event.unwrap_or_else(|| failed("the engine ended unexpectedly"))
            }
            _ = self.cut.wait_for(|is_cut| *is_cut) => {
                failed("the server is stopping; this completion is cut short")
            }
        };
        if !self.ended {
            self.record.push(&event);
            self.app.metrics.record(&event, &self.record);
            self.log(&event);
        }
        self.ended |= event.is_last();
        event
    }

    fn log(&self, event: &Event) {
        let request = self.answer.id.0;
        match event {
            Event::Token { id, text, .. } => tracing::debug!(request, id, text, "token"),
            Event::Done { finish_reason, .. } => {
                let reason = finish_reason.name();
                let (prompt, answer) = (self.record.prompt_tokens, self.record.ids.len());
                tracing::info!(request, reason, prompt, answer, "done");
            }
            Event::Failed { error, .. } => tracing::warn!(request, error, "failed"),
            _ => {}
        }
    }

    /// Ends the completion within one step; the tokens so far are kept.
    pub fn abort(&self) {
        // If the engine's thread is gone, there is nothing to abort.
        let _gone = self.app.engine.abort(self.answer.id);
    }
}

impl Drop for ResponseStream {
    fn drop(&mut self) {
        if !self.ended {
            tracing::info!(request = self.answer.id.0, "left");
            self.app.metrics.disconnect(&self.record);
            self.abort();
        }
    }
}
