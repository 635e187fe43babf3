//! Samples the next ids from the logits on the device, so that four bytes are read back instead of V floats,
//! and the next step can be submitted before they are.

use cubecl::bytes::Bytes;
use llamaglass_shaders::params::{LogprobsParams, SamplingState};
use llamaglass_shaders::{
    MAX_TOP_LOGPROBS, Sampling, argmax, exp2_table, logprob_words, logprobs, occurrence_words,
    sample,
};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work};
use super::super::sampling_mode::SamplingMode;
use super::buffers::Buffers;

/// Buffers that sampling reads and writes.
pub struct SamplingBuffers {
    /// Sampled ids, `[B]` u32.
    pub sampled: Buffer,
    /// Sampling settings and state, `[B]` of [`SamplingState`].
    states: Buffer,
    /// Occurrences of ids, and masks, [B, [`occurrence_words`]] u32.
    occurrences: Buffer,
    /// Vocabulary size, V.
    vocab: usize,
    /// Scratch space, [B, V] u32.
    scratch: Buffer,
    /// Table of powers of two, [`exp2_table`].
    table: Buffer,
    /// Log-probabilities, [B, 1 + 2 TOP] u32 for the TOP of the step.
    pub logprobs: Buffer,
}

impl SamplingBuffers {
    /// Allocates the buffers for `batch` sequences and a vocabulary of `vocab` ids.
    pub fn new(batch: usize, vocab: usize, gpu: &Gpu) -> Result<Self, ForwardError> {
        let zeros = |words: usize| gpu.create(Bytes::from_elems(vec![0u32; words]));
        Ok(Self {
            sampled: gpu.empty(4 * batch)?,
            states: zeros(batch * size_of::<SamplingState>() / 4)?,
            occurrences: zeros(batch * occurrence_words(vocab))?,
            vocab,
            scratch: gpu.empty(4 * batch * vocab)?,
            table: gpu.create(Bytes::from_elems(exp2_table().to_vec()))?,
            logprobs: gpu.empty(4 * batch * logprob_words(MAX_TOP_LOGPROBS))?,
        })
    }

    /// Uploads the settings of the sequence in `slot`, which has already made `draws` draws, and, if it has
    /// penalties, the `occurrences` (V) of its ids.
    pub fn begin(
        &self,
        gpu: &Gpu,
        slot: usize,
        sampling: &Sampling,
        draws: u64,
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        let state = sampling.state(draws);
        let state = bytemuck::bytes_of(&state);
        gpu.write(&self.states, slot * state.len(), state)?;
        if sampling.penalties {
            let offset = self.occurrences_offset(slot);
            gpu.write(&self.occurrences, offset, bytemuck::cast_slice(occurrences))?;
        }
        Ok(())
    }

    /// Uploads the `mask` of ids that the sequence in `slot` may sample next.
    pub fn constrain(&self, gpu: &Gpu, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        let offset = self.occurrences_offset(slot) + 4 * self.vocab;
        gpu.write(&self.occurrences, offset, bytemuck::cast_slice(mask))
    }

    /// Returns the byte of `occurrences` at which the sequence in `slot` begins.
    const fn occurrences_offset(&self, slot: usize) -> usize {
        4 * slot * occurrence_words(self.vocab)
    }

    /// Samples from `count` rows of logits and makes the resulting rows the next step's.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, mode: SamplingMode, count: usize) {
        let Buffers { logits, step, .. } = buffers;
        let Self {
            sampled,
            states,
            occurrences,
            vocab,
            scratch,
            table,
            ..
        } = self;
        let groups = [count as u32, 1, 1];
        let work = Work {
            bytes: (4 * count * vocab) as u64,
            ..Default::default()
        };
        match mode {
            SamplingMode::Argmax => {
                let buffers = [logits, sampled, step];
                gpu.launch_for(work, &argmax(*vocab), &buffers, &(), groups);
            }
            SamplingMode::Sample => {
                let buffers = [logits, occurrences, states, scratch, table, sampled, step];
                gpu.launch_for(work, &sample(*vocab), &buffers, &(), groups);
            }
        }
    }

    /// Computes log-probabilities of the `count` ids sampled last, and of the `top` most probable ids for
    /// each.
    pub fn launch_logprobs(&self, gpu: &Gpu, buffers: &Buffers, count: usize, top: usize) {
        let bound = [&buffers.logits, &self.sampled, &self.logprobs];
        let params = LogprobsParams { top: top as u32 };
        gpu.launch(&logprobs(self.vocab), &bound, &params, [count as u32, 1, 1]);
    }
}
