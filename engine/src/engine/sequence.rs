//! A request that waits or is being answered.

use llamaglass_shaders::MAX_TOP_LOGPROBS;
use llamaglass_shaders::cpu::{self, Logprobs};

use crate::constraint::{Constraint, ConstraintError, Constraints};
use crate::event::{Event, FinishReason, RequestId, TokenLogprobs, Usage};
use crate::forward::PickWay;
use crate::platform::{Stopwatch, clock};
use crate::sampling::{HostSampler, Occurrences, Sampling, SamplingError, sampling};
use crate::scheduler::{Asked, Input, LengthError, Request, answer_budget};
use crate::text::TextStream;
use crate::timing::{RequestTiming, Span, Spans};
use crate::tokenizer::{SpecialText, TemplateOptions, Tokenizer};

use super::EngineError;

/// A request that waits or is being answered. Its ids are the scheduler's.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: RequestId,
    prompt_tokens: usize,
    reused_tokens: usize,
    completion_tokens: usize,
    budget: usize,
    end_ids: Vec<u32>,
    sampling: Sampling,
    /// How many of the most probable ids are told, where log-probabilities are.
    pub(super) logprobs: Option<usize>,
    sampler: HostSampler,
    occurrences: Occurrences,
    /// What keeps the answer to its format.
    constraint: Option<Constraint>,
    text: TextStream,
    /// What was spent on it before its first step.
    pub(super) spans: Spans,
    since: Stopwatch,
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
    /// Tokenises and checks `request`; what the scheduler has to know of it, too. Deadlines count from
    /// `now_ms`.
    pub(super) fn new(
        id: RequestId,
        request: Request,
        (tokenizer, constraints): (&Tokenizer, &mut Constraints),
        (context, vocab): (usize, usize),
        now_ms: f64,
    ) -> Result<(Self, Asked), EngineError> {
        let mut spans = Spans::default();
        let ids = prompt_ids(request.input, tokenizer, context, &mut spans)?;
        if let Some(id) = ids.iter().copied().find(|id| *id as usize >= vocab) {
            return Err(EngineError::UnknownId { id, vocab });
        }
        let budget = answer_budget(ids.len(), request.max_tokens, context)?;
        // What has a format has an end.
        let end_ids = if request.ignore_eos && request.format.is_none() {
            Vec::new()
        } else {
            tokenizer.eos_ids().to_vec()
        };
        let sampling = Sampling {
            constrained: request.format.is_some(),
            ..sampling(&request.sampling)?
        };
        if let Some(asked) = request.logprobs.filter(|asked| *asked > MAX_TOP_LOGPROBS) {
            let most = MAX_TOP_LOGPROBS;
            return Err(SamplingError::TopLogprobs { asked, most }.into());
        }
        let watch = Stopwatch::start();
        let constraint = request
            .format
            .map(|format| constraints.compile(&format, tokenizer, vocab))
            .transpose()?;
        if constraint.is_some() {
            spans.add(Span::Grammar, watch.ms());
        }
        // Without penalties nobody asks.
        let vocab = if sampling.penalties { vocab } else { 0 };
        let sequence = Self {
            id,
            prompt_tokens: ids.len(),
            reused_tokens: 0,
            completion_tokens: 0,
            budget,
            end_ids,
            logprobs: request.logprobs,
            sampler: HostSampler::new(sampling),
            occurrences: Occurrences::of_prompt(&ids, vocab),
            sampling,
            constraint,
            text: TextStream::new(tokenizer, &request.stop),
            spans,
            since: Stopwatch::start(),
        };
        let asked = Asked {
            request: id,
            priority: request.priority,
            most: ids.len() + budget,
            ids,
            waits: sequence.constraint.is_some(),
            deadline_ms: request.deadline_ms.map(|after| now_ms + after),
        };
        Ok((sequence, asked))
    }

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

/// Refuses a text that can't fit the context before time is spent on its ids: others wait meanwhile.
fn check_text(text: &str, tokenizer: &Tokenizer, context: usize) -> Result<(), LengthError> {
    let bytes = text.len();
    if bytes > context.saturating_mul(tokenizer.longest_piece().max(1)) {
        return Err(LengthError::TextTooLong { bytes, context });
    }
    Ok(())
}

fn prompt_ids(
    input: Input,
    tokenizer: &Tokenizer,
    context: usize,
    spans: &mut Spans,
) -> Result<Vec<u32>, EngineError> {
    let watch = Stopwatch::start();
    let ids = match input {
        Input::Ids(ids) => ids,
        Input::Text(text) => {
            check_text(&text, tokenizer, context)?;
            tokenizer.encode_with_bos(&text, SpecialText::Parse)?
        }
        Input::Messages(messages) => {
            let rendered = tokenizer.apply_template(
                &messages,
                &TemplateOptions {
                    add_generation_prompt: true,
                },
            )?;
            spans.add(Span::Template, watch.ms());
            check_text(&rendered, tokenizer, context)?;
            let watch = Stopwatch::start();
            let ids = tokenizer.encode(&rendered, SpecialText::Parse)?;
            spans.add(Span::Tokenize, watch.ms());
            return Ok(ids);
        }
    };
    spans.add(Span::Tokenize, watch.ms());
    Ok(ids)
}
