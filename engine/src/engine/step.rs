//! One step: plan, upload, encode, submit, wait, pick, detokenise, emit; each booked as a lap.

use burn::tensor::Tensor;

use super::running::Waiting;
use super::sequence::Sequence;
use super::{Engine, EngineError};
use crate::event::{Event, FinishReason, RequestId};
use crate::forward::argmax::{self, DevicePick};
use crate::forward::{ForwardError, LogitRows, queue};
use crate::platform::{Stopwatch, clock};
use crate::sampling::SamplingError;
use crate::scheduler::{Progress, plan, reusable_prefix};
use crate::timing::{RequestTiming, Span, Spans, StepKind, StepTiming};

/// Books laps: each [`Laps::book`] takes the time since the one before.
struct Laps {
    watch: Stopwatch,
    booked: f64,
    spans: Spans,
}

impl Laps {
    fn start() -> Self {
        Self {
            watch: Stopwatch::start(),
            booked: 0.0,
            spans: Spans::default(),
        }
    }

    fn book(&mut self, span: Span) {
        let now = self.watch.ms();
        self.spans.add(span, now - self.booked);
        self.booked = now;
    }
}

impl Engine {
    /// Runs at most one step (a prefill chunk or a decode step) and gives what happened since the
    /// last one; nothing where the engine is idle.
    ///
    /// An abort that was asked for before takes effect here, instead of a step.
    pub async fn step(&mut self) -> Vec<Event> {
        self.take_aborts();
        if self.active.is_none() {
            self.start_next();
        }
        if let Some(mut sequence) = self.active.take() {
            match self.advance(&mut sequence).await {
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
        let context = self.model.context();
        match Sequence::new(id, request, &self.tokenizer, context, &mut spans) {
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

    /// One step of `sequence`; whether it was the last.
    async fn advance(&mut self, sequence: &mut Sequence) -> Result<bool, EngineError> {
        let start_ms = self.epoch.ms();
        let mut laps = Laps::start();
        let progress = Progress {
            cached: self.cached.len(),
            known: sequence.ids.len(),
        };
        let Some(plan) = plan(progress, self.chunk) else {
            return Err(ForwardError::Device {
                message: "a running sequence has nothing to compute".into(),
            }
            .into());
        };
        let position = plan.range.start;
        let tokens = plan.range.len();
        let prefill = position < sequence.prompt_tokens();
        laps.book(Span::Plan);

        let ids = &sequence.ids[plan.range.clone()];
        let input = self.model.upload(ids, position)?;
        laps.book(Span::Upload);

        let rows = if plan.picks {
            LogitRows::Last
        } else {
            LogitRows::None
        };
        // From here on the cache is written.
        self.cached.truncate(position);
        let logits = self.model.encode(input, rows);
        let on_device = sequence.is_plain_greedy();
        let picking = logits.map(|logits| {
            if on_device {
                argmax::issue(logits).map_or_else(Picking::Host, Picking::Device)
            } else {
                Picking::Host(Box::new(logits))
            }
        });
        laps.book(Span::Encode);
        queue::submit(self.model.device())?;
        laps.book(Span::Submit);
        queue::wait(self.model.device()).await?;
        self.check_device()?;
        self.cached.extend_from_slice(ids);
        laps.book(Span::Gpu);

        let mut picked = None;
        if let Some(picking) = picking {
            let id = match picking {
                Picking::Device(pick) => {
                    let id = pick.read().await?;
                    laps.book(Span::Readback);
                    id.ok_or(SamplingError::NoFiniteLogit)?
                }
                Picking::Host(logits) => {
                    let mut logits = read_logits(*logits).await?;
                    laps.book(Span::Readback);
                    let id = sequence.pick(&mut logits)?;
                    laps.book(Span::Sample);
                    id
                }
            };
            picked = Some((id, sequence.push(&self.tokenizer, id)));
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
        let timing = StepTiming {
            kind: if prefill {
                StepKind::Prefill
            } else {
                StepKind::Decode
            },
            tokens: tokens as u32,
            position: position as u32,
            start_ms,
            wall_ms: laps.watch.ms(),
            spans: laps.spans,
            clock: clock(),
        };
        self.events.push(match picked {
            Some((id, picked)) => Event::Token {
                request,
                id,
                text: picked.text,
                timing,
            },
            None => Event::Prefill {
                request,
                done_tokens: position + tokens,
                prompt_tokens,
                timing,
            },
        });
        self.events.extend(done);
        Ok(finished)
    }

    pub(super) fn check_device(&self) -> Result<(), ForwardError> {
        match self.failures.take() {
            Some(message) => Err(ForwardError::Device { message }),
            None => Ok(()),
        }
    }
}

/// Where a token is picked.
enum Picking {
    /// The device picked; its id is to be read.
    Device(DevicePick),
    /// The host picks; the logits [1, V] are to be read.
    Host(Box<Tensor<2>>),
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
