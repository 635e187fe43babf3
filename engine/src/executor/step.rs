//! A step as the engine submits it, and its results.

use std::ops::Range;

use llamaglass_shaders::Sampling;
use llamaglass_shaders::cpu::Logprobs;

use crate::forward::{ForwardError, SamplingMode};
use crate::sampling::SamplingError;
use crate::scheduler::{BlockPool, RequestId};

/// One sequence's share of a step: a prefill chunk or a decode row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepChunk {
    /// Id of the request.
    pub request: RequestId,
    /// Slot of the sequence.
    pub slot: usize,
    /// Positions to compute.
    pub range: Range<usize>,
    /// Token ids at these positions; empty in a chained step, whose ids only the device knows.
    pub token_ids: Vec<u32>,
    /// How to sample after the last position; `None` if only the cache is written.
    pub sample: Option<SampleOptions>,
}

/// Sampling after a chunk's last position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// True if the largest logit suffices.
    pub mode: SamplingMode,
    /// Number of most probable ids to report, if log-probabilities were requested.
    pub logprobs: Option<usize>,
}

impl SampleOptions {
    /// Takes the largest logit.
    pub const GREEDY: Self = Self {
        mode: SamplingMode::Argmax,
        logprobs: None,
    };
}

/// A step to submit.
#[derive(Clone, Debug)]
pub struct StepInput<'a> {
    /// Chunks in row order; those of several rows come first.
    pub chunks: Vec<StepChunk>,
    /// True if the device makes the rows from its latest samples.
    pub chained: bool,
    /// Token masks of the constrained sequences that sample in this step.
    pub masks: Vec<SlotMask<'a>>,
    /// Results to return.
    pub results: StepResults,
    /// True if a captured step of the same shape may be replayed; false to encode it anew.
    pub replays: bool,
    /// State of the KV cache's blocks.
    pub pool: &'a BlockPool,
}

impl<'a> StepInput<'a> {
    /// Creates a step of `chunks` whose rows the host knows, without masks.
    pub const fn new(chunks: Vec<StepChunk>, pool: &'a BlockPool) -> Self {
        Self {
            chunks,
            chained: false,
            masks: Vec::new(),
            results: StepResults::Tokens,
            replays: true,
            pool,
        }
    }
}

/// A submitted step of an executor that computes it when it is waited for.
#[derive(Debug)]
pub struct SubmittedStep {
    /// Chunks in row order.
    pub chunks: Vec<StepChunk>,
    /// Results to return.
    pub results: StepResults,
}

impl From<StepInput<'_>> for SubmittedStep {
    fn from(step: StepInput<'_>) -> Self {
        Self {
            chunks: step.chunks,
            results: step.results,
        }
    }
}

/// Kind of results of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepResults {
    /// A sampled token per chunk that samples.
    #[default]
    Tokens,
    /// The logits of each chunk that samples. The executor does not sample.
    Logits,
}

/// Mask of the token ids that a constrained sequence may sample next.
#[derive(Clone, Copy, Debug)]
pub struct SlotMask<'a> {
    /// Slot of the sequence.
    pub slot: usize,
    /// One bit per token id, the lowest bit of a word first.
    pub words: &'a [u32],
}

/// Sampling state of a sequence that starts or resumes in a slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotSampler<'a> {
    /// Slot of the sequence.
    pub slot: usize,
    /// Sampling settings.
    pub sampling: &'a Sampling,
    /// Number of draws that the sequence has already made.
    pub draws: u64,
    /// Occurrences of each token id (V), if the settings have penalties.
    pub occurrences: &'a [u32],
}

/// Results of a step.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// Sampled tokens, one per chunk that samples.
    pub tokens: Vec<Result<SampledToken, SamplingError>>,
    /// Logits [N, V] of the N chunks that sample, if the step asked for them.
    pub logits: Vec<f32>,
}

/// A sampled token.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledToken {
    /// Id of the token.
    pub id: u32,
    /// Log-probabilities, if the step asked for them.
    pub logprobs: Option<Logprobs>,
}

/// Checks that all token ids of `chunks` are in the vocabulary and all positions in the context.
///
/// # Errors
/// [`ForwardError::Device`] if one is not, or if there are no chunks.
pub fn check_chunks(
    chunks: &[StepChunk],
    vocab: usize,
    context: usize,
) -> Result<(), ForwardError> {
    let rejected = |message: String| Err(ForwardError::Device { message });
    if chunks.is_empty() {
        return rejected("a step has no rows".into());
    }
    for chunk in chunks {
        if let Some(id) = chunk.token_ids.iter().find(|id| **id as usize >= vocab) {
            return rejected(format!("id {id} is outside the vocabulary of {vocab}"));
        }
        if chunk.range.end > context {
            let position = chunk.range.end - 1;
            return rejected(format!(
                "position {position} is outside the context of {context}"
            ));
        }
    }
    Ok(())
}

/// Returns a chunk of one sequence in slot 0, for steps without a scheduler.
pub fn lone_chunk(token_ids: &[u32], position: usize, sample: Option<SampleOptions>) -> StepChunk {
    StepChunk {
        request: RequestId(0),
        slot: 0,
        range: position..position + token_ids.len(),
        token_ids: token_ids.to_vec(),
        sample,
    }
}
