//! One step: who is answered, plan, upload, encode, submit, wait; each booked as a lap.

use burn::tensor::Tensor;

use super::issue::{Flight, FlightRows};
use super::laps::Laps;
use super::running::Waiting;
use super::sequence::{Pick, Sequence};
use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId};
use crate::forward::{ForwardError, LogitRows, NextRow, StepResult, queue};
use crate::platform::{Stopwatch, clock};
use crate::sampling::SamplingError;
use crate::scheduler::{Plan, Progress, plan, reusable_prefix};
use crate::timing::{RequestTiming, Span, Spans};

/// What is submitted at once takes about this long, in milliseconds: a page is painted in between.
const SUBMIT_MS: f64 = 100.0;

impl Engine {
    /// Waits for at most one step (a prefill chunk, or a decode step of all requests that are being
    /// answered) and gives what happened since the last one; nothing where the engine is idle. On a
    /// device, steps after it are issued first.
    ///
    /// An abort that was asked for before takes effect here, instead of a step.
    pub async fn step(&mut self) -> Vec<Event> {
        self.take_aborts();
        while self.active.len() < self.info.batch && self.start_next() {}
        if !self.active.is_empty() {
            let advanced = if self.model.picks() {
                self.advance_on_device().await
            } else {
                self.advance_on_host().await
            };
            if let Err(error) = advanced {
                // What the step left in the cache is unknown.
                self.forget();
                for sequence in std::mem::take(&mut self.active) {
                    self.fail(sequence.id, &error);
                }
            }
        }
        std::mem::take(&mut self.events)
    }

    fn fail(&mut self, request: RequestId, error: &EngineError) {
        let error = error.to_string();
        self.events.push(Event::Failed { request, error });
    }

    fn take_aborts(&mut self) {
        for id in std::mem::take(&mut self.aborted) {
            if let Some(index) = self.active.iter().position(|active| active.id == id) {
                let mut sequence = self.active.remove(index);
                self.events.push(sequence.done(FinishReason::Abort));
            } else if let Some(index) = self.queue.iter().position(|waiting| waiting.id == id) {
                self.queue.remove(index);
                self.events.push(Event::Done {
                    request: id,
                    text: String::new(),
                    usage: Default::default(),
                    finish_reason: FinishReason::Abort,
                });
            }
        }
    }

    /// Takes the next request out of the queue; whether there was one.
    fn start_next(&mut self) -> bool {
        let Some(Waiting { id, request, since }) = self.queue.pop_front() else {
            return false;
        };
        let mut spans = Spans::default();
        spans.add(Span::Queue, since.ms());
        let limits = (self.model.context(), self.model.config().vocab_size);
        match Sequence::new(id, request, &self.tokenizer, limits, &mut spans) {
            Ok(mut sequence) => {
                let watch = Stopwatch::start();
                let (slot, reused) = self.free_slot(&sequence.ids);
                self.cached[slot].truncate(reused);
                sequence.settle_in(slot, reused);
                spans.add(Span::Schedule, watch.ms());
                self.events.push(Event::Started {
                    request: id,
                    prompt_tokens: sequence.prompt_tokens(),
                    reused_tokens: sequence.reused_tokens(),
                    timing: RequestTiming {
                        spans,
                        clock: clock(),
                    },
                });
                self.active.push(sequence);
            }
            Err(error) => self.fail(id, &error),
        }
        true
    }

    /// The free slot that has the most leading `ids` in its cache, and how many; of equals the one
    /// that has the least to lose.
    fn free_slot(&self, ids: &[u32]) -> (usize, usize) {
        let taken = |slot: &usize| self.active.iter().any(|active| active.slot == *slot);
        let free = (0..self.cached.len()).filter(|slot| !taken(slot));
        let reused = |slot: usize| (slot, reusable_prefix(&self.cached[slot], ids));
        let best = free
            .map(reused)
            .max_by_key(|(slot, reused)| (*reused, std::cmp::Reverse(self.cached[*slot].len())));
        best.unwrap_or_default()
    }

    /// Issues steps ahead, and waits for the first of those that were.
    async fn advance_on_device(&mut self) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        // What ended requests left behind: their buffers are free once it was read.
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
        laps.device = timing;
        let computed: usize = flight.rows.iter().map(|row| row.range.len()).sum();
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
        self.take_in(laps, &flight.rows, flight.picks.then_some(picks));
        Ok(())
    }

    fn is_wanted(&self, flight: &Flight) -> bool {
        let wanted = |row: &FlightRows| self.active.iter().any(|active| active.id == row.request);
        flight.rows.iter().any(wanted)
    }

    /// One step of the first request, whose token the host picks.
    async fn advance_on_host(&mut self) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        let sequence = self.active.first_mut().ok_or_else(nothing_to_compute)?;
        let (id, slot) = (sequence.id, sequence.slot);
        let progress = Progress {
            cached: self.cached[slot].len(),
            known: sequence.ids.len(),
        };
        let Plan { range, picks } = plan(progress, self.chunk).ok_or_else(nothing_to_compute)?;
        laps.book(Span::Plan);

        let rows: Vec<NextRow> = range.clone().map(|at| sequence.row(at)).collect();
        let input = self.model.upload_rows(&rows, 0)?;
        laps.book(Span::Upload);

        let rows = if picks {
            LogitRows::Last
        } else {
            LogitRows::None
        };
        // From here on the cache is written.
        self.cached[slot].truncate(range.start);
        let logits = self.model.encode(input, rows)?;
        laps.book(Span::Encode);
        queue::submit(self.model.device())?;
        laps.book(Span::Submit);
        queue::wait(self.model.device()).await?;
        self.check_device()?;
        laps.book(Span::Gpu);

        let mut picked = None;
        if let Some(logits) = logits {
            let mut logits = read_logits(logits).await?;
            laps.book(Span::Readback);
            if let Some(sequence) = self.active.first_mut() {
                picked = Some(vec![sequence.pick(&mut logits)]);
            }
            laps.book(Span::Sample);
        }
        let rows = [FlightRows { request: id, range }];
        self.take_in(laps, &rows, picked);
        Ok(())
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

/// All values of `logits`, row after row.
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
