//! Prepares requests for the engine: renders, tokenises and checks them, and compiles their format.

use std::sync::Arc;

use llamaglass_shaders::MAX_TOP_LOGPROBS;

use super::sequence::Sequence;
use super::{Engine, EngineError};
use crate::constraint::{Constraint, Constraints};
use crate::event::{Event, RequestId};
use crate::platform::Stopwatch;
use crate::sampling::{Occurrences, Sampling, SamplingError, sampling};
use crate::scheduler::{Input, LengthError, OutputFormat, QueuedRequest, Request, answer_budget};
use crate::text::TextStream;
use crate::timing::{Span, Spans};
use crate::tokenizer::{SpecialText, Tokenizer};

/// Prepares requests for an engine on any thread, so that running requests do not wait for the template,
/// tokenizer and grammar of a new one.
#[derive(Clone, Debug)]
pub struct Preparer {
    tokenizer: Arc<Tokenizer>,
    constraints: Arc<Constraints>,
    /// Maximum number of positions of a prompt and its answer.
    context: usize,
    /// Vocabulary size V of the model.
    vocab: usize,
}

/// A request that the engine can take without further work.
#[derive(Debug)]
pub struct PreparedRequest {
    sequence: Sequence,
    ids: Vec<u32>,
    priority: i32,
    /// Milliseconds after `arrived` at which the request expires.
    deadline_ms: Option<f64>,
    arrived: Stopwatch,
}

impl Engine {
    /// Returns a preparer for this engine's requests.
    pub fn preparer(&self) -> Preparer {
        Preparer {
            tokenizer: Arc::clone(&self.tokenizer),
            constraints: Arc::clone(&self.constraints),
            context: self.info.context_length,
            vocab: self.info.config.vocab_size,
        }
    }

    /// Adds a request to the queue. An invalid one ends with [`Event::Failed`].
    pub fn submit(&mut self, request: Request) -> RequestId {
        let id = RequestId(self.next_id);
        match self.preparer().prepare(request) {
            Ok(prepared) => self.submit_prepared(id, prepared),
            Err(error) => {
                self.next_id += 1;
                self.fail(id, &error);
            }
        }
        id
    }

    /// Adds a request from this engine's [`Preparer`] to the queue, under an id that the caller chose and
    /// never used before.
    pub fn submit_prepared(&mut self, id: RequestId, prepared: PreparedRequest) {
        self.next_id = self.next_id.max(id.0 + 1);
        let PreparedRequest {
            mut sequence,
            ids,
            priority,
            deadline_ms,
            arrived,
        } = prepared;
        sequence.id = id;
        let request = QueuedRequest {
            id,
            priority,
            max_len: ids.len() + sequence.budget,
            tokens: ids,
            waits_for_samples: sequence.constraint.is_some(),
            deadline_ms: deadline_ms.map(|after| self.epoch.ms() - arrived.ms() + after),
        };
        self.events.push(Event::Queued { request: id });
        self.requests.insert(id, sequence);
        self.scheduler.submit(request);
    }
}

impl Preparer {
    /// Prepares a request. Compiling a format for the first time takes up to some tenths of a second, and a
    /// chat template up to seconds.
    ///
    /// # Errors
    /// [`EngineError`] with what is wrong with the request.
    pub fn prepare(&self, request: Request) -> Result<PreparedRequest, EngineError> {
        let Self {
            tokenizer,
            context,
            vocab,
            ..
        } = self;
        let arrived = Stopwatch::start();
        let mut spans = Spans::default();
        let ids = prompt_ids(request.input, tokenizer, *context, &mut spans)?;
        if let Some(id) = ids.iter().copied().find(|id| *id as usize >= *vocab) {
            return Err(EngineError::UnknownId { id, vocab: *vocab });
        }
        let budget = answer_budget(ids.len(), request.max_tokens, *context)?;
        // An answer with a format always ends at the end ids.
        let end_ids = if request.ignore_eos && request.format.is_none() {
            Vec::new()
        } else {
            tokenizer.eos_ids().to_vec()
        };
        check_logprobs(request.logprobs)?;
        let sampling = Sampling {
            constrained: request.format.is_some(),
            ..sampling(&request.sampling)?
        };
        let constraint = self.constraint(request.format.as_ref(), &mut spans)?;
        // Only penalties need the counts of ids.
        let counted = if sampling.penalties { *vocab } else { 0 };
        let sequence = Sequence {
            id: RequestId(0),
            prompt_tokens: ids.len(),
            reused_tokens: 0,
            completion_tokens: 0,
            budget,
            end_ids,
            logprobs: request.logprobs,
            occurrences: Occurrences::of_prompt(&ids, counted),
            sampling,
            constraint,
            text: TextStream::new(tokenizer, &request.stop),
            spans,
            since: Stopwatch::start(),
        };
        Ok(PreparedRequest {
            sequence,
            ids,
            priority: request.priority,
            deadline_ms: request.deadline_ms,
            arrived,
        })
    }

    fn constraint(
        &self,
        format: Option<&OutputFormat>,
        spans: &mut Spans,
    ) -> Result<Option<Constraint>, EngineError> {
        let Some(format) = format else {
            return Ok(None);
        };
        let watch = Stopwatch::start();
        let constraint = self
            .constraints
            .compile(format, &self.tokenizer, self.vocab)?;
        spans.add(Span::Grammar, watch.ms());
        Ok(Some(constraint))
    }
}

fn check_logprobs(asked: Option<usize>) -> Result<(), SamplingError> {
    match asked.filter(|asked| *asked > MAX_TOP_LOGPROBS) {
        Some(asked) => Err(SamplingError::TopLogprobs {
            asked,
            most: MAX_TOP_LOGPROBS,
        }),
        None => Ok(()),
    }
}

/// Rejects a text that can't fit the context before tokenising it, since other requests would wait for that.
fn check_bytes(bytes: usize, tokenizer: &Tokenizer, context: usize) -> Result<(), LengthError> {
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
            check_bytes(text.len(), tokenizer, context)?;
            tokenizer.encode_with_bos(&text, SpecialText::Parse)?
        }
        Input::Messages(messages) => {
            let bytes = messages.iter().map(|of| of.role.len() + of.content.len());
            check_bytes(bytes.sum(), tokenizer, context)?;
            let rendered = tokenizer.render_for_answer(&messages)?;
            spans.add(Span::Template, watch.ms());
            check_bytes(rendered.bytes(), tokenizer, context)?;
            let watch = Stopwatch::start();
            let ids = tokenizer.encode_rendered(&rendered)?;
            spans.add(Span::Tokenize, watch.ms());
            return Ok(ids);
        }
    };
    spans.add(Span::Tokenize, watch.ms());
    Ok(ids)
}
