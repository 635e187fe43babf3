//! One step: schedule, plan, upload, encode, submit and wait (or compute, on the CPU backend), each booked as
//! a span.

use burn::tensor::Tensor;

use super::issue::Flight;
use super::laps::Laps;
use super::sequence::Pick;
use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId};
use crate::forward::{ForwardError, LogitRows, StepResult, queue};
use crate::sampling::SamplingError;
use crate::scheduler::ScheduledChunk;
use crate::timing::Span;
use crate::trace;

/// Target duration of one submit during prefill, in milliseconds, so that a page can be painted in between.
const SUBMIT_MS: f64 = 100.0;

impl Engine {
    /// Waits for at most one step (a prefill chunk, or a decode step of all running requests) and returns the
    /// events since the last call; none if the engine is idle. On a device, it first submits further steps.
    ///
    /// Earlier calls to abort take effect here, before the step.
    pub async fn step(&mut self) -> Vec<Event> {
        self.take_aborts();
        for id in self.scheduler.expired(self.epoch.ms()) {
            self.end(id, FinishReason::Deadline);
        }
        if !self.requests.is_empty() {
            let advanced = if self.info.stub.has_random_logits() {
                self.advance_stubbed(self.info.stub).await
            } else if self.ablations.host_pick {
                self.advance_and_pick().await
            } else if self.model.picks() {
                self.advance_on_device().await
            } else {
                self.advance_on_host().await
            };
            if let Err(error) = advanced {
                // The failed step left the cache in an unknown state.
                self.clear_cache();
                self.flights.clear();
                let running: Vec<RequestId> = self.scheduler.running().collect();
                for id in running {
                    self.scheduler.remove(id);
                    self.fail(id, &error);
                }
            }
        }
        self.events.iter().for_each(trace::event);
        std::mem::take(&mut self.events)
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

    /// Submits steps ahead, then waits for the oldest one in flight.
    async fn advance_on_device(&mut self) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        self.log_eagerly(&mut laps);
        // Read back the steps of ended requests to free their buffers.
        while self.flights.front().is_some_and(|f| !self.is_wanted(f)) {
            if let Some(flight) = self.flights.pop_front() {
                flight.read.get().await?;
            }
            laps.book(Span::Gpu);
        }
        while self.flights.len() < self.depth && self.issue(&mut laps)? {}
        let flight = self.flights.pop_front().ok_or_else(nothing_to_compute)?;
        let StepResult {
            ids,
            logprobs,
            timing,
        } = flight.read.get().await?;
        self.check_device()?;
        laps.book(Span::Gpu);
        timing.as_ref().inspect(|timing| trace::device(timing));
        laps.device = timing;
        let computed: usize = flight.parts.iter().map(|part| part.range.len()).sum();
        if !self.paced && computed == self.chunk && self.chunk > 1 {
            let step_ms = self.epoch.ms() - flight.issued_ms;
            self.model.pace(step_ms, SUBMIT_MS);
            self.paced = true;
        }
        let mut logprobs = logprobs.into_iter();
        let pick = |id: Option<u32>| {
            let id = id.ok_or(SamplingError::NoFiniteLogit)?;
            let logprobs = logprobs.next();
            Ok(Pick { id, logprobs })
        };
        let picks: Vec<Result<Pick, SamplingError>> = ids.into_iter().map(pick).collect();
        self.take_in(laps, &flight.parts, picks);
        Ok(())
    }

    fn is_wanted(&self, flight: &Flight) -> bool {
        let wanted = |part: &ScheduledChunk| self.requests.contains_key(&part.request);
        flight.parts.iter().any(wanted)
    }

    /// Runs one step for all requests in it, one after the other, and samples on the host.
    async fn advance_on_host(&mut self) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        self.log_eagerly(&mut laps);
        let begin = laps.ms();
        let step = self.scheduler.plan(false);
        laps.book(Span::Plan);
        self.prepare(&step, laps.ms() - begin)?;
        let parts: Vec<ScheduledChunk> = step.chunks().cloned().collect();
        if parts.is_empty() {
            return Err(nothing_to_compute());
        }
        let mut picked = Vec::with_capacity(step.sample_count());
        for part in &parts {
            let pick = self.compute_on_host(part, &mut laps).await?;
            picked.extend(pick);
        }
        self.take_in(laps, &parts, picked);
        Ok(())
    }

    /// Computes one part of a step. Returns the sample if the part has one.
    async fn compute_on_host(
        &mut self,
        part: &ScheduledChunk,
        laps: &mut Laps,
    ) -> Result<Option<Result<Pick, SamplingError>>, EngineError> {
        let rows = self.rows_of(std::slice::from_ref(part));
        let input = self.model.upload_rows(&rows)?;
        laps.book(Span::Upload);

        let rows = match rows.picks() {
            [row] => LogitRows::Row(*row),
            _ => LogitRows::None,
        };
        let logits = self.model.encode(input, rows)?;
        if self.computes_on_cpu() {
            laps.book(Span::Compute);
        } else {
            laps.book(Span::Encode);
            queue::submit(self.model.device())?;
            laps.book(Span::Submit);
            queue::wait(self.model.device()).await?;
            self.check_device()?;
            laps.book(Span::Gpu);
        }

        let Some(logits) = logits else {
            return Ok(None);
        };
        let mut logits = read_logits(logits).await?;
        laps.book(Span::Readback);
        let sequence = self.requests.get_mut(&part.request);
        let pick = sequence.map(|sequence| sequence.pick(&mut logits));
        laps.book(Span::Sample);
        Ok(pick)
    }

    pub(super) fn check_device(&self) -> Result<(), ForwardError> {
        match self.failures.take() {
            Some(message) => Err(ForwardError::Device { message }),
            None => Ok(()),
        }
    }
}

pub(super) fn nothing_to_compute() -> EngineError {
    ForwardError::Device {
        message: "a running sequence has nothing to compute".into(),
    }
    .into()
}

/// Reads all values of `logits`, row by row.
pub(super) async fn read_logits(logits: Tensor<2>) -> Result<Vec<f32>, ForwardError> {
    let data = logits
        .into_data_async()
        .await
        .map_err(|error| ForwardError::Device {
            message: format!("the logits could not be read: {error}"),
        })?;
    data.try_into_vec::<f32>()
        .map_err(|error| ForwardError::Device {
            message: format!("the logits could not be read: {error:?}"),
        })
}
