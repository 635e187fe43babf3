//! One step: plan, upload, encode, submit, wait, detokenise, emit; each booked as a lap.

use std::ops::Range;

use burn::tensor::Tensor;

use super::laps::Laps;
use super::running::Waiting;
use super::sequence::{Pick, Picked, Sequence};
use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId, TokenLogprobs};
use crate::forward::{
    ForwardError, LogitRows, NextRow, PickWay, Rows, StepRead, StepResult, queue,
};
use crate::platform::{Stopwatch, clock};
use crate::sampling::SamplingError;
use crate::scheduler::{Plan, Progress, plan, reusable_prefix};
use crate::timing::{RequestTiming, Span, Spans, StepKind, StepTiming};

/// What is submitted at once takes about this long, in milliseconds: a page is painted in between.
const SUBMIT_MS: f64 = 100.0;

/// A step that was issued to the device and not yet waited for.
#[derive(Debug)]
pub(super) struct Flight {
    rows: Vec<FlightRows>,
    /// When it was issued, in milliseconds since the engine was made.
    issued_ms: f64,
    /// Whether it picks a token for each of its rows.
    picks: bool,
    read: StepRead,
}

/// What a request hears of a step.
enum Told {
    Prefill { prompt_tokens: usize },
    Token(u32, Picked, Option<TokenLogprobs>),
    Failed(String),
}

/// What a step computes of one request.
#[derive(Debug)]
struct FlightRows {
    request: RequestId,
    /// Positions.
    range: Range<usize>,
}

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

    /// Issues the next step: of a prompt, or else of every answer that needs one. Whether there was
    /// one that could be issued before what is on its way has come.
    fn issue(&mut self, laps: &mut Laps) -> Result<bool, EngineError> {
        let prompt = |sequence: &Sequence| sequence.issued < sequence.prompt_tokens();
        match self.active.iter().position(prompt) {
            Some(index) => self.issue_prefill(index, laps).map(|()| true),
            None => self.issue_decode(laps),
        }
    }

    fn issue_prefill(&mut self, index: usize, laps: &mut Laps) -> Result<(), EngineError> {
        let sequence = &mut self.active[index];
        let progress = Progress {
            cached: sequence.issued,
            known: sequence.prompt_tokens(),
        };
        let Plan { range, picks } = plan(progress, self.chunk).ok_or_else(nothing_to_compute)?;
        laps.book(Span::Plan);
        if picks {
            let (sampling, occurrences) = sequence.sampling();
            self.model.begin(sequence.slot, sampling, occurrences)?;
        }
        let rows: Vec<NextRow> = range.clone().map(|at| sequence.row(at)).collect();
        let input = self.model.upload_rows(&rows, picks.into())?;
        laps.book(Span::Upload);
        // From here on the cache is written.
        self.cached[sequence.slot].truncate(range.start);
        let way = picks.then(|| sequence.pick_way());
        let top = sequence.logprobs.filter(|_| picks);
        self.model.advance(input.rows(), way, top)?;
        laps.book(Span::Encode);
        sequence.issued = range.end;
        sequence.picks_issued += usize::from(picks);
        self.chained.clear();
        if picks {
            self.chained.push(sequence.id);
        }
        let rows = vec![FlightRows {
            request: sequence.id,
            range,
        }];
        self.launched(rows, picks, top, laps)
    }

    fn issue_decode(&mut self, laps: &mut Laps) -> Result<bool, EngineError> {
        let next = || self.active.iter().filter(|sequence| sequence.may_pick());
        let count = next().count();
        // Where the same requests go on, the device has their next ids before the host does.
        let chains = self.model.chains() && next().map(|s| s.id).eq(self.chained.iter().copied());
        let known = next().all(|sequence| sequence.issued < sequence.ids.len());
        laps.book(Span::Plan);
        if count == 0 || !(chains || known) {
            return Ok(false);
        }
        let top = next().filter_map(|sequence| sequence.logprobs).max();
        let sampled = next().any(|sequence| sequence.pick_way() == PickWay::Sample);
        let rows = if chains {
            Rows::Decode(count)
        } else {
            let rows: Vec<NextRow> = next()
                .map(|sequence| sequence.row(sequence.issued))
                .collect();
            let input = self.model.upload_rows(&rows, count)?;
            laps.book(Span::Upload);
            input.rows()
        };
        let way = if sampled {
            PickWay::Sample
        } else {
            PickWay::Argmax
        };
        self.model.advance(rows, Some(way), top)?;
        laps.book(Span::Encode);
        self.chained.clear();
        let mut rows = Vec::with_capacity(count);
        for sequence in self
            .active
            .iter_mut()
            .filter(|sequence| sequence.may_pick())
        {
            let range = sequence.issued..sequence.issued + 1;
            // From here on the cache is written.
            self.cached[sequence.slot].truncate(range.start);
            sequence.issued = range.end;
            sequence.picks_issued += 1;
            self.chained.push(sequence.id);
            rows.push(FlightRows {
                request: sequence.id,
                range,
            });
        }
        self.launched(rows, true, top, laps).map(|()| true)
    }

    /// Submits what was issued.
    fn launched(
        &mut self,
        rows: Vec<FlightRows>,
        picks: bool,
        top: Option<usize>,
        laps: &mut Laps,
    ) -> Result<(), EngineError> {
        let count = if picks { rows.len() } else { 0 };
        self.flights.push_back(Flight {
            rows,
            issued_ms: laps.start_ms(),
            picks,
            read: self.model.read_step(count, top)?,
        });
        laps.book(Span::Submit);
        Ok(())
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

    /// Makes events of a step that computed `rows`, and picked an id for each of them where it did.
    fn take_in(
        &mut self,
        mut laps: Laps,
        rows: &[FlightRows],
        picks: Option<Vec<Result<Pick, SamplingError>>>,
    ) {
        let picked = picks.is_some();
        let mut picks = picks.unwrap_or_default().into_iter();
        let mut events = Vec::with_capacity(2 * rows.len());
        let mut kind = StepKind::Decode;
        for FlightRows { request, range } in rows {
            let pick = picks.next();
            // One that ended while this step was on its way is not told of it.
            let Some(index) = self.active.iter().position(|active| active.id == *request) else {
                continue;
            };
            let sequence = &mut self.active[index];
            self.cached[sequence.slot].extend_from_slice(&sequence.ids[range.clone()]);
            let prompt_tokens = sequence.prompt_tokens();
            if range.start < prompt_tokens {
                kind = StepKind::Prefill;
            }
            let told = match pick {
                None => Told::Prefill { prompt_tokens },
                Some(Ok(Pick { id, logprobs })) => {
                    let logprobs = sequence.told_logprobs(logprobs);
                    Told::Token(id, sequence.push(&self.tokenizer, id), logprobs)
                }
                Some(Err(error)) => Told::Failed(error.to_string()),
            };
            let done = match &told {
                Told::Prefill { .. } => None,
                Told::Token(_, picked, _) => picked.finish.map(|reason| sequence.done(reason)),
                Told::Failed(error) => Some(Event::Failed {
                    request: *request,
                    error: error.clone(),
                }),
            };
            if done.is_some() {
                self.active.remove(index);
            }
            events.push((*request, range, told, done));
        }
        if picked {
            laps.book(Span::Detokenize);
        }
        self.events.reserve(2 * events.len());
        laps.book(Span::Emit);
        let timing = laps.end(kind);
        for (request, range, told, done) in events {
            let timing = StepTiming {
                tokens: range.len() as u32,
                position: range.start as u32,
                ..timing
            };
            match told {
                Told::Token(id, Picked { text, .. }, logprobs) => {
                    self.events.push(Event::Token {
                        request,
                        id,
                        text,
                        logprobs,
                        timing,
                    });
                }
                Told::Prefill { prompt_tokens } => self.events.push(Event::Prefill {
                    request,
                    done_tokens: range.end,
                    prompt_tokens,
                    timing,
                }),
                Told::Failed(_) => {}
            }
            self.events.extend(done);
        }
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
