//! A request that is being answered, with what is known of it so far.

use std::sync::Arc;

use llamaglass_engine::event::{Event, Fault};
use llamaglass_engine::stats::Record;
use tokio::sync::watch;

use super::app::App;
use crate::engine_thread::Answer;

/// A request that is being answered. Dropped before its end, it is aborted within a step.
pub struct Answering {
    app: Arc<App>,
    answer: Answer,
    cut: watch::Receiver<bool>,
    ended: bool,
    /// What its events have said.
    pub record: Record,
}

impl Answering {
    /// Of a request that was handed to the engine.
    pub fn new(app: Arc<App>, answer: Answer) -> Self {
        Self {
            cut: app.cut(),
            app,
            answer,
            ended: false,
            record: Record::default(),
        }
    }

    /// The next event, the last one being `Done` or `Failed`; that again after it.
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

    /// Ends it within a step, as far as it has come.
    pub fn abort(&self) {
        // Where the engine is gone, so is what was to be ended.
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
