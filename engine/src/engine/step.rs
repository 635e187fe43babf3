//! One step: plan, upload, encode, submit, wait, detokenise, emit; each booked as a lap.

use std::ops::Range;

use burn::tensor::Tensor;

use super::laps::Laps;
use super::running::Waiting;
use super::sequence::Sequence;
use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId};
use crate::forward::{ForwardError, LogitRows, PickWay, StepRead, StepResult, queue};
use crate::platform::{Stopwatch, clock};
use crate::sampling::SamplingError;
use crate::scheduler::{Progress, plan, reusable_prefix};
use crate::timing::{RequestTiming, Span, Spans, StepKind};

/// What is submitted at once takes about this long, in milliseconds: a page is painted in between.
const SUBMIT_MS: f64 = 100.0;

/// A step that was issued to the device and not yet waited for.
#[derive(Debug)]
pub(super) struct Flight {
    request: RequestId,
    /// Positions that it computes.
    range: Range<usize>,
    /// When it was issued, in milliseconds since the engine was made.
    issued_ms: f64,
    /// Whether it picks a token.
    picks: bool,
    read: StepRead,
}

impl Engine {
    /// Waits for at most one step (a prefill chunk or a decode step) and gives what happened since
    /// the last one; nothing where the engine is idle. On a device, steps after it are issued first.
    ///
    /// An abort that was asked for before takes effect here, instead of a step.
    pub async fn step(&mut self) -> Vec<Event> {
        self.take_aborts();
        if self.active.is_none() {
            self.start_next();
        }
        if let Some(mut sequence) = self.active.take() {
            let advanced = if self.model.picks() {
                self.advance_on_device(&mut sequence).await
            } else {
                self.advance_on_host(&mut sequence).await
            };
            match advanced {
                Ok(finished) => {
                    if !finished {
                        self.active = Some(sequence);
                    }
                }
                Err(error) => {
                    // What the step left in the cache is unknown.
                    self.cached.clear();
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
            if self.active.as_ref().is_some_and(|active| active.id == id) {
                if let Some(mut sequence) = self.active.take() {
                    self.events.push(sequence.done(FinishReason::Abort));
                }
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

    fn start_next(&mut self) {
        let Some(Waiting { id, request, since }) = self.queue.pop_front() else {
            return;
        };
        let mut spans = Spans::default();
        spans.add(Span::Queue, since.ms());
        let limits = (self.model.context(), self.model.config().vocab_size);
        match Sequence::new(id, request, &self.tokenizer, limits, &mut spans) {
            Ok(mut sequence) => {
                let watch = Stopwatch::start();
                let reused = reusable_prefix(&self.cached, &sequence.ids);
                self.cached.truncate(reused);
                sequence.set_reused(reused);
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
                self.active = Some(sequence);
            }
            Err(error) => self.fail(id, &error),
        }
    }

    /// Issues steps of `sequence` ahead, and waits for the first; whether it was the last.
    async fn advance_on_device(&mut self, sequence: &mut Sequence) -> Result<bool, EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        // What ended requests left behind: their buffers are free once it was read.
        while self
            .flights
            .front()
            .is_some_and(|f| f.request != sequence.id)
        {
            if let Some(flight) = self.flights.pop_front() {
                flight.read.get().await?;
            }
            laps.book(Span::Gpu);
        }
        while self.flights.len() < self.depth && self.issue(sequence, &mut laps)? {}
        let flight = self.flights.pop_front().ok_or_else(nothing_to_compute)?;
        let StepResult { id, timing } = flight.read.get().await?;
        self.check_device()?;
        laps.book(Span::Gpu);
        let range = flight.range;
        if !self.paced && range.len() == self.chunk && self.chunk > 1 {
            let step_ms = self.epoch.ms() - flight.issued_ms;
            self.model.pace(step_ms, SUBMIT_MS);
            self.paced = true;
        }
        self.cached.extend_from_slice(&sequence.ids[range.clone()]);
        let picked = match (flight.picks, id) {
            (true, Some(id)) => Some(id),
            (true, None) => return Err(SamplingError::NoFiniteLogit.into()),
            (false, _) => None,
        };
        laps.device = timing;
        Ok(self.take_in(sequence, laps, &range, picked))
    }

    /// Issues the next step of `sequence`; whether there was one.
    fn issue(&mut self, sequence: &mut Sequence, laps: &mut Laps) -> Result<bool, EngineError> {
        let begin = sequence.issued;
        // Past the prompt the device has the next id itself, before the host does.
        let chained = self.model.chains() && begin >= sequence.prompt_tokens();
        let progress = Progress {
            cached: begin,
            known: sequence.ids.len(),
        };
        let planned = if chained {
            sequence.may_pick().then_some((begin..begin + 1, true))
        } else {
            plan(progress, self.chunk).map(|plan| (plan.range, plan.picks))
        };
        laps.book(Span::Plan);
        let Some((range, picks)) = planned else {
            return Ok(false);
        };
        let input = if chained {
            None
        } else {
            if picks && sequence.picks_issued == 0 && sequence.pick_way() == PickWay::Sample {
                let (sampling, occurrences) = sequence.sampling();
                self.model.begin(sampling, occurrences)?;
            }
            let ids = &sequence.ids[range.clone()];
            let input = self.model.upload(ids, begin)?;
            laps.book(Span::Upload);
            Some(input)
        };
        // From here on the cache is written.
        self.cached.truncate(begin);
        let way = picks.then(|| sequence.pick_way());
        self.model.advance(input, way)?;
        laps.book(Span::Encode);
        sequence.issued = range.end;
        sequence.picks_issued += usize::from(picks);
        self.flights.push_back(Flight {
            request: sequence.id,
            range,
            issued_ms: laps.start_ms(),
            picks,
            read: self.model.read_step()?,
        });
        laps.book(Span::Submit);
        Ok(true)
    }

    /// One step of `sequence` whose token the host picks; whether it was the last.
    async fn advance_on_host(&mut self, sequence: &mut Sequence) -> Result<bool, EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        let progress = Progress {
            cached: self.cached.len(),
            known: sequence.ids.len(),
        };
        let plan = plan(progress, self.chunk).ok_or_else(nothing_to_compute)?;
        laps.book(Span::Plan);

        let ids = &sequence.ids[plan.range.clone()];
        let input = self.model.upload(ids, plan.range.start)?;
        laps.book(Span::Upload);

        let rows = if plan.picks {
            LogitRows::Last
        } else {
            LogitRows::None
        };
        // From here on the cache is written.
        self.cached.truncate(plan.range.start);
        let logits = self.model.encode(input, rows)?;
        laps.book(Span::Encode);
        queue::submit(self.model.device())?;
        laps.book(Span::Submit);
        queue::wait(self.model.device()).await?;
        self.check_device()?;
        self.cached.extend_from_slice(ids);
        laps.book(Span::Gpu);

        let mut picked = None;
        if let Some(logits) = logits {
            let mut logits = read_logits(logits).await?;
            laps.book(Span::Readback);
            picked = Some(sequence.pick(&mut logits)?);
            laps.book(Span::Sample);
        }
        Ok(self.take_in(sequence, laps, &plan.range, picked))
    }

    /// Makes events of a step that computed `range`; whether it was the sequence's last.
    fn take_in(
        &mut self,
        sequence: &mut Sequence,
        mut laps: Laps,
        range: &Range<usize>,
        picked: Option<u32>,
    ) -> bool {
        let picked = picked.map(|id| (id, sequence.push(&self.tokenizer, id)));
        if picked.is_some() {
            laps.book(Span::Detokenize);
        }
        let request = sequence.id;
        let prompt_tokens = sequence.prompt_tokens();
        let done = picked
            .as_ref()
            .and_then(|(_, picked)| picked.finish)
            .map(|reason| sequence.done(reason));
        let finished = done.is_some();
        self.events.reserve(2);
        laps.book(Span::Emit);
        let kind = if range.start < prompt_tokens {
            StepKind::Prefill
        } else {
            StepKind::Decode
        };
        let timing = laps.end(kind, range.len(), range.start);
        self.events.push(match picked {
            Some((id, picked)) => Event::Token {
                request,
                id,
                text: picked.text,
                timing,
            },
            None => Event::Prefill {
                request,
                done_tokens: range.end,
                prompt_tokens,
                timing,
            },
        });
        self.events.extend(done);
        finished
    }

    pub(super) fn check_device(&self) -> Result<(), ForwardError> {
        match self.failures.take() {
            Some(message) => Err(ForwardError::Device { message }),
            None => Ok(()),
        }
    }
}

fn nothing_to_compute() -> EngineError {
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
