//! A request in progress and the record of its events so far.

use std::sync::Arc;

use llamaglass_engine::event::{Event, Fault};
use llamaglass_engine::stats::Record;
use tokio::sync::watch;

use super::app::App;
use crate::engine_thread::Answer;

/// A request in progress. Dropping it before its last event aborts it within one step.
pub struct Answering {
    app: Arc<App>,
    answer: Answer,
    cut: watch::Receiver<bool>,
    ended: bool,
    /// Record of all events so far.
    pub record: Record,
}

impl Answering {
    /// Wraps the answer to a request that the engine has queued.
    pub fn new(app: Arc<App>, answer: Answer) -> Self {
        Self {
            cut: app.cut(),
            app,
            answer,
            ended: false,
            record: Record::default(),
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
                failed("the server stops: this answer is cut off here")
            }
        };
        if !self.ended {
            self.record.push(&event);
            self.app.metrics.take(&event, &self.record);
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

    /// Ends the answer within one step; the tokens so far are kept.
    pub fn abort(&self) {
        // If the engine's thread is gone, there is nothing to abort.
        let _gone = self.app.engine.abort(self.answer.id);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.ended {
            tracing::info!(request = self.answer.id.0, "left");
            self.app.metrics.left(&self.record);
            self.abort();
        }
    }
}
