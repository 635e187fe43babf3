//! A request that waits or is being answered.

use llamaglass_shaders::cpu::{self, Logprobs};

use crate::constraint::{Constraint, ConstraintError};
use crate::event::{Event, FinishReason, RequestId, TokenLogprobs, Usage};
use crate::forward::PickWay;
use crate::platform::{Stopwatch, clock};
use crate::sampling::{HostSampler, Occurrences, Sampling, SamplingError};
use crate::text::TextStream;
use crate::timing::{RequestTiming, Span, Spans};
use crate::tokenizer::Tokenizer;

/// A request that waits or is being answered. Its ids are the scheduler's.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: RequestId,
    pub(super) prompt_tokens: usize,
    pub(super) reused_tokens: usize,
    pub(super) completion_tokens: usize,
    pub(super) budget: usize,
    pub(super) end_ids: Vec<u32>,
    pub(super) sampling: Sampling,
    /// How many of the most probable ids are told, where log-probabilities are.
    pub(super) logprobs: Option<usize>,
    pub(super) sampler: HostSampler,
    pub(super) occurrences: Occurrences,
    /// What keeps the answer to its format.
    pub(super) constraint: Option<Constraint>,
    pub(super) text: TextStream,
    /// What was spent on it before its first step.
    pub(super) spans: Spans,
    pub(super) since: Stopwatch,
}

/// What was picked.
pub(super) struct Pick {
    pub(super) id: u32,
    pub(super) logprobs: Option<Logprobs>,
}

/// What became of a picked id.
pub(super) struct Picked {
    /// The text it completed.
    pub(super) text: String,
    /// Why the answer ends with it, if it does.
    pub(super) finish: Option<FinishReason>,
}

impl Sequence {
    pub(super) const fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// It got a slot for the first time, in `schedule_ms`; its event.
    pub(super) fn started(&mut self, reused: usize, schedule_ms: f64) -> Event {
        self.reused_tokens = reused;
        self.spans.add(Span::Queue, self.since.ms() - schedule_ms);
        self.spans.add(Span::Schedule, schedule_ms);
        Event::Started {
            request: self.id,
            prompt_tokens: self.prompt_tokens,
            reused_tokens: reused,
            timing: RequestTiming {
                spans: self.spans,
                clock: clock(),
            },
        }
    }

    /// How the device is to pick.
    pub(super) fn pick_way(&self) -> PickWay {
        let Sampling {
            scale,
            penalties,
            constrained,
            ..
        } = self.sampling;
        if scale == 0.0 && !penalties && !constrained {
            PickWay::Argmax
        } else {
            PickWay::Sample
        }
    }

    /// What the device needs for that: settings, how often it picked already, and what there is of each id.
    pub(super) fn sampling(&self) -> ((&Sampling, u64), &[u32]) {
        let draws = self.completion_tokens as u64;
        ((&self.sampling, draws), self.occurrences.words())
    }

    /// The ids that may be picked next, where not all may: a bit each.
    pub(super) fn mask(&self) -> Option<&[u32]> {
        self.constraint.as_ref().map(Constraint::mask)
    }

    /// Finds out which ids may be picked next. Whether that was to be found out.
    pub(super) fn look_ahead(&mut self) -> Result<bool, ConstraintError> {
        match &mut self.constraint {
            Some(constraint) => constraint.look_ahead().map(|()| true),
            None => Ok(false),
        }
    }

    /// Picks an id from `logits` (V) on the host.
    pub(super) fn pick(&mut self, logits: &mut [f32]) -> Result<Pick, SamplingError> {
        // Picking changes them.
        let own = self.logprobs.map(|top| (logits.to_vec(), top));
        let mask = self.constraint.as_ref().map_or(&[][..], Constraint::mask);
        let id = self.sampler.pick(logits, &self.occurrences, mask)?;
        let logprobs = own.map(|(logits, top)| cpu::logprobs(&logits, id, top));
        Ok(Pick { id, logprobs })
    }

    /// What the request hears of a pick's log-probabilities: a step's rows have as many as the one that
    /// asked for most.
    pub(super) fn told_logprobs(&self, logprobs: Option<Logprobs>) -> Option<TokenLogprobs> {
        let (
            top,
            Logprobs {
                picked,
                top: mut all,
            },
        ) = self.logprobs.zip(logprobs)?;
        all.truncate(top);
        Some(TokenLogprobs {
            logprob: picked,
            top: all,
        })
    }

    /// Takes a picked id in.
    ///
    /// # Errors
    /// [`ConstraintError`] where the answer's format has no such id there.
    pub(super) fn push(
        &mut self,
        tokenizer: &Tokenizer,
        id: u32,
    ) -> Result<Picked, ConstraintError> {
        self.completion_tokens += 1;
        self.occurrences.push(id);
        let complete = match &mut self.constraint {
            Some(constraint) => constraint.push(id)?,
            None => false,
        };
        if self.end_ids.contains(&id) {
            return Ok(Picked {
                text: String::new(),
                finish: Some(FinishReason::Stop),
            });
        }
        let delta = self.text.push(tokenizer, id);
        let finish = if delta.stopped || complete {
            Some(FinishReason::Stop)
        } else if self.completion_tokens >= self.budget {
            Some(FinishReason::Length)
        } else {
            None
        };
        Ok(Picked {
            text: delta.text,
            finish,
        })
    }

    /// The sequence's last event.
    pub(super) fn done(&mut self, finish_reason: FinishReason) -> Event {
        Event::Done {
            request: self.id,
            text: self.text.finish(),
            usage: Usage {
                prompt_tokens: self.prompt_tokens,
                reused_tokens: self.reused_tokens,
                completion_tokens: self.completion_tokens,
            },
            finish_reason,
        }
    }
}
