//! Turns the output of a step into events.

use super::sequence::AppendedToken;
use super::{Engine, EngineError};
use crate::event::{Event, TokenLogprobs};
use crate::executor::{SampledToken, StageTimer};
use crate::sampling::SamplingError;
use crate::scheduler::ScheduledChunk;
use crate::timing::{Span, StepKind, StepTiming};

/// A step's result for one request.
enum Outcome {
    Prefill { prompt_tokens: usize },
    Token(u32, AppendedToken, Option<TokenLogprobs>),
    Failed(EngineError),
}

impl Engine {
    /// Emits the events of a step that computed `parts`; `tokens` has one entry per part that samples.
    pub(super) fn process_output(
        &mut self,
        mut timer: StageTimer,
        parts: &[ScheduledChunk],
        tokens: Vec<Result<SampledToken, SamplingError>>,
    ) {
        let sampled = !tokens.is_empty();
        let mut tokens = tokens.into_iter();
        let mut events = Vec::with_capacity(2 * parts.len());
        for part in parts {
            let token = part.samples.then(|| tokens.next()).flatten();
            // The request may have ended while this step was in flight.
            let Some(sequence) = self.requests.get_mut(&part.request) else {
                continue;
            };
            self.scheduler.mark_computed(part);
            let prompt_tokens = sequence.prompt_tokens;
            // Recomputed ids after a preemption count as prefill, too.
            let kind = if part.range.start < prompt_tokens || part.range.len() > 1 {
                StepKind::Prefill
            } else {
                StepKind::Decode
            };
            let outcome = match token {
                None => Outcome::Prefill { prompt_tokens },
                Some(Ok(SampledToken { id, logprobs })) => {
                    self.scheduler.push_token(part.request, id);
                    let logprobs = sequence.requested_logprobs(logprobs);
                    match sequence.push(&self.tokenizer, id) {
                        Ok(appended) => Outcome::Token(id, appended, logprobs),
                        Err(error) => Outcome::Failed(error.into()),
                    }
                }
                Some(Err(error)) => Outcome::Failed(error.into()),
            };
            let done = match &outcome {
                Outcome::Prefill { .. } => None,
                Outcome::Token(_, appended, _) => {
                    appended.finish.map(|reason| sequence.done(reason))
                }
                Outcome::Failed(error) => Some(failed(part, error)),
            };
            if done.is_some() {
                self.requests.remove(&part.request);
                self.scheduler.remove(part.request);
            }
            events.push((part, kind, outcome, done));
        }
        if sampled {
            timer.book(Span::Detokenize);
        }
        // Only constrained answers need to compute what may come next.
        let mut constrained = false;
        for (part, _, outcome, done) in &mut events {
            let sequence = self.requests.get_mut(&part.request);
            let (Outcome::Token(..), Some(sequence)) = (outcome, sequence) else {
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
            timer.book(Span::Plan);
        }
        self.events.reserve(2 * events.len());
        timer.book(Span::Emit);
        let timing = timer.end(StepKind::Decode);
        for (ScheduledChunk { request, range, .. }, kind, outcome, done) in events {
            let request = *request;
            let timing = StepTiming {
                kind,
                tokens: range.len() as u32,
                position: range.start as u32,
                ..timing
            };
            match outcome {
                Outcome::Token(id, AppendedToken { text, .. }, logprobs) => {
                    self.events.push(Event::Token {
                        request,
                        id,
                        text,
                        logprobs,
                        timing,
                    });
                }
                Outcome::Prefill { prompt_tokens } => self.events.push(Event::Prefill {
                    request,
                    done_tokens: range.end.min(prompt_tokens),
                    prompt_tokens,
                    timing,
                }),
                Outcome::Failed(_) => {}
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
