//! The engine's state of a request.

use llamaglass_shaders::cpu::Logprobs;

use crate::constraint::{Constraint, ConstraintError};
use crate::event::{Event, FinishReason, RequestId, TokenLogprobs, Usage};
use crate::executor::SlotSampler;
use crate::forward::SamplingMode;
use crate::platform::{Stopwatch, clock};
use crate::sampling::{Occurrences, Sampling};
use crate::text::TextStream;
use crate::timing::{RequestTiming, Span, Spans};
use crate::tokenizer::Tokenizer;

/// A queued or running request. The scheduler keeps its ids.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: RequestId,
    pub(super) prompt_tokens: usize,
    pub(super) reused_tokens: usize,
    pub(super) completion_tokens: usize,
    pub(super) budget: usize,
    pub(super) end_ids: Vec<u32>,
    pub(super) sampling: Sampling,
    /// Number of most probable ids to report, if log-probabilities were requested.
    pub(super) logprobs: Option<usize>,
    pub(super) occurrences: Occurrences,
    /// Constraint that keeps the answer to its format.
    pub(super) constraint: Option<Constraint>,
    pub(super) text: TextStream,
    /// Time spent before its first step.
    pub(super) spans: Spans,
    pub(super) since: Stopwatch,
}

/// Result of appending a sampled id.
pub(super) struct AppendedToken {
    /// Text that it completed.
    pub(super) text: String,
    /// Reason, if the answer ends with it.
    pub(super) finish: Option<FinishReason>,
}

impl Sequence {
    /// Records that the request got its first slot, which took `schedule_ms`, and returns the event for that.
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

    /// Returns whether the device can take the largest logit or must sample.
    pub(super) fn sampling_mode(&self) -> SamplingMode {
        let Sampling {
            scale,
            penalties,
            constrained,
            ..
        } = self.sampling;
        if scale == 0.0 && !penalties && !constrained {
            SamplingMode::Argmax
        } else {
            SamplingMode::Sample
        }
    }

    /// Returns what the executor needs to sample for the sequence in `slot`.
    pub(super) fn slot_sampler(&self, slot: usize) -> SlotSampler<'_> {
        SlotSampler {
            slot,
            sampling: &self.sampling,
            draws: self.completion_tokens as u64,
            occurrences: self.occurrences.words(),
        }
    }

    /// Returns the mask of ids that may come next, one bit per id, if the answer has a format.
    pub(super) fn mask(&self) -> Option<&[u32]> {
        self.constraint.as_ref().map(Constraint::mask)
    }

    /// Computes the mask of ids that may come next. Returns whether the answer has a format.
    pub(super) fn look_ahead(&mut self) -> Result<bool, ConstraintError> {
        match &mut self.constraint {
            Some(constraint) => constraint.look_ahead().map(|()| true),
            None => Ok(false),
        }
    }

    /// Returns the log-probabilities that the request asked for. All rows of a step have as many as the
    /// request that asked for most.
    pub(super) fn requested_logprobs(&self, logprobs: Option<Logprobs>) -> Option<TokenLogprobs> {
        let (
            top,
            Logprobs {
                sampled,
                top: mut all,
            },
        ) = self.logprobs.zip(logprobs)?;
        all.truncate(top);
        Some(TokenLogprobs {
            logprob: sampled,
            top: all,
        })
    }

    /// Appends a sampled id.
    ///
    /// # Errors
    /// [`ConstraintError`] if the answer's format does not allow the id here.
    pub(super) fn push(
        &mut self,
        tokenizer: &Tokenizer,
        id: u32,
    ) -> Result<AppendedToken, ConstraintError> {
        self.completion_tokens += 1;
        self.occurrences.push(id);
        let complete = match &mut self.constraint {
            Some(constraint) => constraint.push(id)?,
            None => false,
        };
        if self.end_ids.contains(&id) {
            return Ok(AppendedToken {
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
        Ok(AppendedToken {
            text: delta.text,
            finish,
        })
    }

    /// Returns the request's last event.
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
