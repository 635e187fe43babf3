//! A request that is being answered.

use llamaglass_shaders::MAX_TOP_LOGPROBS;
use llamaglass_shaders::cpu::{self, Logprobs};

use crate::event::{Event, FinishReason, RequestId, TokenLogprobs, Usage};
use crate::forward::{NextRow, PickWay};
use crate::platform::Stopwatch;
use crate::sampling::{HostSampler, Occurrences, Sampling, SamplingError, sampling};
use crate::scheduler::{Input, Request, answer_budget};
use crate::text::TextStream;
use crate::timing::{Span, Spans};
use crate::tokenizer::{SpecialText, TemplateOptions, Tokenizer};

use super::EngineError;

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: RequestId,
    /// The prompt and what was picked since.
    pub(super) ids: Vec<u32>,
    /// Its place in the KV cache.
    pub(super) slot: usize,
    prompt_tokens: usize,
    reused_tokens: usize,
    /// Ids whose steps were issued, whether or not they are done.
    pub(super) issued: usize,
    /// Picks that were issued.
    pub(super) picks_issued: usize,
    budget: usize,
    end_ids: Vec<u32>,
    sampling: Sampling,
    /// How many of the most probable ids are told, where log-probabilities are.
    pub(super) logprobs: Option<usize>,
    sampler: HostSampler,
    occurrences: Occurrences,
    text: TextStream,
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
    /// Tokenises and checks `request`; books template and tokenize in `spans`.
    pub(super) fn new(
        id: RequestId,
        request: Request,
        tokenizer: &Tokenizer,
        (context, vocab): (usize, usize),
        spans: &mut Spans,
    ) -> Result<Self, EngineError> {
        let ids = prompt_ids(request.input, tokenizer, spans)?;
        let budget = answer_budget(ids.len(), request.max_tokens, context)?;
        let end_ids = if request.ignore_eos {
            Vec::new()
        } else {
            tokenizer.eos_ids().to_vec()
        };
        let sampling = sampling(&request.sampling)?;
        if let Some(asked) = request.logprobs.filter(|asked| *asked > MAX_TOP_LOGPROBS) {
            let most = MAX_TOP_LOGPROBS;
            return Err(SamplingError::TopLogprobs { asked, most }.into());
        }
        // Without penalties nobody asks.
        let vocab = if sampling.penalties { vocab } else { 0 };
        Ok(Self {
            id,
            slot: 0,
            prompt_tokens: ids.len(),
            reused_tokens: 0,
            issued: 0,
            picks_issued: 0,
            budget,
            end_ids,
            logprobs: request.logprobs,
            sampler: HostSampler::new(sampling),
            occurrences: Occurrences::of_prompt(&ids, vocab),
            sampling,
            text: TextStream::new(tokenizer, &request.stop),
            ids,
        })
    }

    pub(super) const fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// Takes a place in the KV cache, which has the leading ids already.
    pub(super) const fn settle_in(&mut self, slot: usize, reused: usize) {
        self.slot = slot;
        self.reused_tokens = reused;
        self.issued = reused;
    }

    /// The row of a step that computes position `at`.
    pub(super) fn row(&self, at: usize) -> NextRow {
        NextRow {
            id: self.ids[at],
            position: at,
            slot: self.slot,
        }
    }

    pub(super) const fn reused_tokens(&self) -> usize {
        self.reused_tokens
    }

    /// How the device is to pick.
    pub(super) fn pick_way(&self) -> PickWay {
        if self.sampling.scale == 0.0 && !self.sampling.penalties {
            PickWay::Argmax
        } else {
            PickWay::Sample
        }
    }

    /// What the device needs for that.
    pub(super) fn sampling(&self) -> (&Sampling, &[u32]) {
        (&self.sampling, self.occurrences.words())
    }

    /// Whether more tokens may be picked than already are on their way.
    pub(super) const fn may_pick(&self) -> bool {
        self.picks_issued < self.budget
    }

    /// Picks an id from `logits` (V) on the host.
    pub(super) fn pick(&mut self, logits: &mut [f32]) -> Result<Pick, SamplingError> {
        // Picking penalises them.
        let own = self.logprobs.map(|top| (logits.to_vec(), top));
        let id = self.sampler.pick(logits, &self.occurrences)?;
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
    pub(super) fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Picked {
        self.ids.push(id);
        self.occurrences.push(id);
        if self.end_ids.contains(&id) {
            return Picked {
                text: String::new(),
                finish: Some(FinishReason::Stop),
            };
        }
        let delta = self.text.push(tokenizer, id);
        let finish = if delta.stopped {
            Some(FinishReason::Stop)
        } else if self.completion_tokens() >= self.budget {
            Some(FinishReason::Length)
        } else {
            None
        };
        Picked {
            text: delta.text,
            finish,
        }
    }

    fn completion_tokens(&self) -> usize {
        self.ids.len() - self.prompt_tokens
    }

    /// The sequence's last event.
    pub(super) fn done(&mut self, finish_reason: FinishReason) -> Event {
        Event::Done {
            request: self.id,
            text: self.text.finish(),
            usage: Usage {
                prompt_tokens: self.prompt_tokens,
                reused_tokens: self.reused_tokens,
                completion_tokens: self.completion_tokens(),
            },
            finish_reason,
        }
    }
}

fn prompt_ids(
    input: Input,
    tokenizer: &Tokenizer,
    spans: &mut Spans,
) -> Result<Vec<u32>, EngineError> {
    let watch = Stopwatch::start();
    let ids = match input {
        Input::Ids(ids) => ids,
        Input::Text(text) => tokenizer.encode_with_bos(&text, SpecialText::Parse)?,
        Input::Messages(messages) => {
            let rendered = tokenizer.apply_template(
                &messages,
                &TemplateOptions {
                    add_generation_prompt: true,
                },
            )?;
            spans.add(Span::Template, watch.ms());
            let watch = Stopwatch::start();
            let ids = tokenizer.encode(&rendered, SpecialText::Parse)?;
            spans.add(Span::Tokenize, watch.ms());
            return Ok(ids);
        }
    };
    spans.add(Span::Tokenize, watch.ms());
    Ok(ids)
}
