//! Samples the next ids from the logits on the device, so that four bytes are read back instead of V floats,
//! and the next step can be submitted before they are.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{
    ARGMAX, LOGPROBS, MAX_TOP_LOGPROBS, SAMPLE, SAMPLING_WORDS, Sampling, exp2_table,
    logprob_words, occurrence_words,
};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work};
use super::super::sampling_mode::SamplingMode;
use super::buffers::Buffers;

/// Buffers that sampling reads and writes.
pub struct Picks {
    /// Sampled ids, `[B]` u32.
    pub picked: Buffer,
    /// Sampling settings, [B, [`Sampling::words`]].
    sampling: Buffer,
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

impl Picks {
    /// Allocates the buffers for `batch` sequences and a vocabulary of `vocab` ids.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device has too little memory.
    pub fn new(batch: usize, vocab: usize, gpu: &Gpu) -> Result<Self, ForwardError> {
        Ok(Self {
            picked: gpu.empty(4 * batch)?,
            sampling: gpu.create(Bytes::from_elems(vec![0u32; batch * SAMPLING_WORDS]))?,
            occurrences: gpu.create(Bytes::from_elems(vec![
                0u32;
                batch * occurrence_words(vocab)
            ]))?,
            vocab,
            scratch: gpu.empty(4 * batch * vocab)?,
            table: gpu.create(Bytes::from_elems(exp2_table().to_vec()))?,
            logprobs: gpu.empty(4 * batch * logprob_words(MAX_TOP_LOGPROBS))?,
        })
    }

    /// Uploads the settings of the sequence in `slot`, which has already made `draws` draws, and, if it has
    /// penalties, the `occurrences` (V) of its ids.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn begin(
        &self,
        gpu: &Gpu,
        slot: usize,
        (sampling, draws): (&Sampling, u64),
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        let words = bytes(&sampling.words(draws));
        gpu.write(&self.sampling, slot * words.len(), &words)?;
        if sampling.penalties {
            gpu.write(&self.occurrences, self.slot(slot), &bytes(occurrences))?;
        }
        Ok(())
    }

    /// Uploads the `mask` of ids that the sequence in `slot` may sample next.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn constrain(&self, gpu: &Gpu, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        let at = self.slot(slot) + 4 * self.vocab;
        gpu.write(&self.occurrences, at, &bytes(mask))
    }

    /// Returns the byte of `occurrences` at which the sequence in `slot` begins.
    const fn slot(&self, slot: usize) -> usize {
        4 * slot * occurrence_words(self.vocab)
    }

    /// Samples from `count` rows of logits and makes the resulting rows the next step's.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, mode: SamplingMode, count: usize) {
        let Buffers {
            logits,
            step,
            vocab,
            ..
        } = buffers;
        let Self {
            picked,
            sampling,
            occurrences,
            scratch,
            table,
            ..
        } = self;
        let info = [*vocab as u32];
        let groups = [count as u32, 1, 1];
        let work = Work {
            bytes: (4 * count * vocab) as u64,
            ..Default::default()
        };
        match mode {
            SamplingMode::Argmax => {
                let buffers = [logits, picked, step];
                gpu.launch_for(work, &ARGMAX, &buffers, &info, groups);
            }
            SamplingMode::Sample => {
                let buffers = [logits, occurrences, sampling, scratch, table, picked, step];
                gpu.launch_for(work, &SAMPLE, &buffers, &info, groups);
            }
        }
    }
}

impl Picks {
    /// Computes log-probabilities of the `count` ids sampled last, and of the `top` most probable ids for
    /// each.
    pub fn launch_logprobs(&self, gpu: &Gpu, buffers: &Buffers, count: usize, top: usize) {
        let all = [&buffers.logits, &self.picked, &self.logprobs];
        let info = [buffers.vocab, top].map(|n| n as u32);
        gpu.launch(&LOGPROBS, &all, &info, [count as u32, 1, 1]);
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
