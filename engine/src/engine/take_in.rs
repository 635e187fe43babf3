//! What a step computed becomes events.

use super::Engine;
use super::issue::FlightRows;
use super::laps::Laps;
use super::sequence::{Pick, Picked};
use crate::event::{Event, TokenLogprobs};
use crate::sampling::SamplingError;
use crate::timing::{Span, StepKind, StepTiming};

/// What a request hears of a step.
enum Told {
    Prefill { prompt_tokens: usize },
    Token(u32, Picked, Option<TokenLogprobs>),
    Failed(String),
}

impl Engine {
    /// Makes events of a step that computed `rows`, and picked an id for each of them where it did.
    pub(super) fn take_in(
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
}
