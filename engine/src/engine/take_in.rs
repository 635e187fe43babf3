//! Turns the results of a step into events.

use super::laps::Laps;
use super::sequence::{Pick, Picked};
use super::{Engine, EngineError};
use crate::event::{Event, TokenLogprobs};
use crate::sampling::SamplingError;
use crate::scheduler::ScheduledChunk;
use crate::timing::{Span, StepKind, StepTiming};

/// A step's result for one request.
enum Told {
    Prefill { prompt_tokens: usize },
    Token(u32, Picked, Option<TokenLogprobs>),
    Failed(EngineError),
}

impl Engine {
    /// Emits the events of a step that computed `parts`; `picks` has one entry per part that samples.
    pub(super) fn take_in(
        &mut self,
        mut laps: Laps,
        parts: &[ScheduledChunk],
        picks: Vec<Result<Pick, SamplingError>>,
    ) {
        let picked = !picks.is_empty();
        let mut picks = picks.into_iter();
        let mut events = Vec::with_capacity(2 * parts.len());
        for part in parts {
            let pick = part.samples.then(|| picks.next()).flatten();
            // The request may have ended while this step was in flight.
            let Some(sequence) = self.requests.get_mut(&part.request) else {
                continue;
            };
            self.scheduler.mark_computed(part);
            let prompt_tokens = sequence.prompt_tokens();
            // Recomputed ids after a preemption count as prefill, too.
            let several = part.range.len() > 1 || part.pads > 0;
            let kind = if part.range.start < prompt_tokens || several {
                StepKind::Prefill
            } else {
                StepKind::Decode
            };
            let told = match pick {
                None => Told::Prefill { prompt_tokens },
                Some(Ok(Pick { id, logprobs })) => {
                    self.scheduler.push_token(part.request, id);
                    let logprobs = sequence.told_logprobs(logprobs);
                    match sequence.push(&self.tokenizer, id) {
                        Ok(picked) => Told::Token(id, picked, logprobs),
                        Err(error) => Told::Failed(error.into()),
                    }
                }
                Some(Err(error)) => Told::Failed(error.into()),
            };
            let done = match &told {
                Told::Prefill { .. } => None,
                Told::Token(_, picked, _) => picked.finish.map(|reason| sequence.done(reason)),
                Told::Failed(error) => Some(failed(part, error)),
            };
            if done.is_some() {
                self.requests.remove(&part.request);
                self.scheduler.remove(part.request);
            }
            events.push((part, kind, told, done));
        }
        if picked {
            laps.book(Span::Detokenize);
        }
        // Only constrained answers need to compute what may come next.
        let mut constrained = false;
        for (part, _, told, done) in &mut events {
            let sequence = self.requests.get_mut(&part.request);
            let (Told::Token(..), Some(sequence)) = (told, sequence) else {
                continue;
            };
            match sequence.look_ahead() {
                Ok(had_to) => constrained |= had_to,
                Err(error) => {
                    *done = Some(failed(part, &error.into()));
                    self.requests.remove(&part.request);
                    self.scheduler.remove(part.request);
                }
            }
        }
        if constrained {
            laps.book(Span::Plan);
        }
        self.events.reserve(2 * events.len());
        laps.book(Span::Emit);
        let timing = laps.end(StepKind::Decode);
        for (ScheduledChunk { request, range, .. }, kind, told, done) in events {
            let request = *request;
            let timing = StepTiming {
                kind,
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
                    done_tokens: range.end.min(prompt_tokens),
                    prompt_tokens,
                    timing,
                }),
                Told::Failed(_) => {}
            }
            self.events.extend(done);
        }
    }
}

fn failed(part: &ScheduledChunk, error: &EngineError) -> Event {
    Event::Failed {
        request: part.request,
        fault: error.fault(),
        error: error.to_string(),
    }
}
