//! One step of the engine: plan and submit, wait, process the output, emit events.

use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId};
use crate::executor::StageTimer;
use crate::forward::ForwardError;
use crate::trace;

impl Engine {
    /// Waits for at most one step (a prefill chunk, or a decode step of all running requests) and returns the
    /// events since the last call; none if the engine is idle. First submits as many steps as the executor
    /// can have in flight.
    ///
    /// Earlier calls to abort take effect here, before the step.
    pub async fn step(&mut self) -> Vec<Event> {
        self.take_aborts();
        for id in self.scheduler.expired(self.epoch.ms()) {
            self.end(id, FinishReason::Deadline);
        }
        if !self.requests.is_empty()
            && let Err(error) = self.advance().await
        {
            // The failed step left the cache in an unknown state.
            self.clear_cache();
            self.clear_in_flight();
            let running: Vec<RequestId> = self.scheduler.running().collect();
            for id in running {
                self.scheduler.remove(id);
                self.fail(id, &error);
            }
        }
        self.events.iter().for_each(trace::event);
        std::mem::take(&mut self.events)
    }

    /// Submits steps ahead, waits for the oldest one in flight and processes its output.
    async fn advance(&mut self) -> Result<(), EngineError> {
        let mut timer = StageTimer::start(self.epoch.ms());
        // Read back the steps of ended requests to free their buffers.
        while self.in_flight.front().is_some_and(|s| !self.is_wanted(s)) {
            self.in_flight.pop_front();
            self.executor.wait(&mut timer).await?;
        }
        while self.in_flight.len() < self.capabilities.depth && self.submit_step(&mut timer)? {}
        let parts = self.in_flight.pop_front().ok_or_else(nothing_to_compute)?;
        let output = self.executor.wait(&mut timer).await?;
        self.process_output(timer, &parts, output.tokens);
        Ok(())
    }

    pub(super) fn fail(&mut self, request: RequestId, error: &EngineError) {
        self.requests.remove(&request);
        self.events.push(Event::Failed {
            request,
            fault: error.fault(),
            error: error.to_string(),
        });
    }

    /// Ends a request, queued or running. Unknown ids are ignored.
    fn end(&mut self, request: RequestId, reason: FinishReason) {
        if let Some(mut sequence) = self.requests.remove(&request) {
            self.scheduler.remove(request);
            self.events.push(sequence.done(reason));
        }
    }

    fn take_aborts(&mut self) {
        for id in std::mem::take(&mut self.aborted) {
            self.end(id, FinishReason::Abort);
        }
    }
}

fn nothing_to_compute() -> EngineError {
    ForwardError::device("a running sequence has nothing to compute").into()
}
