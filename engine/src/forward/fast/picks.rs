//! Picking the next id from the logits on the device, so that four bytes are read back and not V
//! floats, and the step after can be issued before they are.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{
    ARGMAX, LOGPROBS, MAX_TOP_LOGPROBS, SAMPLE, SAMPLING_WORDS, Sampling, exp2_table,
    logprob_words, occurrence_words,
};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work};
use super::super::pick::PickWay;
use super::buffers::Buffers;

/// What picks read and write.
pub struct Picks {
    /// `[B]` u32.
    pub picked: Buffer,
    /// [B, [`Sampling::words`]].
    sampling: Buffer,
    /// [B, [`occurrence_words`]] u32.
    occurrences: Buffer,
    /// V.
    vocab: usize,
    /// [B, V] u32.
    scratch: Buffer,
    /// [`exp2_table`].
    table: Buffer,
    /// [B, 1 + 2 TOP] u32, for any TOP.
    pub logprobs: Buffer,
}

impl Picks {
    /// Allocates them for `batch` sequences and a vocabulary of `vocab`.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room.
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

    /// Puts the settings of the sequence in `slot` on the device, of which `draws` were made, and with
    /// penalties the `occurrences` (V) of its ids.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
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

    /// Puts the `mask` of what the sequence in `slot` may have next on the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn constrain(&self, gpu: &Gpu, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        let at = self.slot(slot) + 4 * self.vocab;
        gpu.write(&self.occurrences, at, &bytes(mask))
    }

    /// The byte of `occurrences` at which those of the sequence in `slot` begin.
    const fn slot(&self, slot: usize) -> usize {
        4 * slot * occurrence_words(self.vocab)
    }

    /// Picks from `count` rows of the buffers' logits; makes their step the next one.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, way: PickWay, count: usize) {
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
        match way {
            PickWay::Argmax => {
                let buffers = [logits, picked, step];
                gpu.launch_for(work, &ARGMAX, &buffers, &info, groups);
            }
            PickWay::Sample => {
                let buffers = [logits, occurrences, sampling, scratch, table, picked, step];
                gpu.launch_for(work, &SAMPLE, &buffers, &info, groups);
            }
        }
    }
}

impl Picks {
    /// Works out log-probabilities of the `count` ids that were picked last, and of the `top` most
    /// probable ones of each.
    pub fn launch_logprobs(&self, gpu: &Gpu, buffers: &Buffers, count: usize, top: usize) {
        let all = [&buffers.logits, &self.picked, &self.logprobs];
        let info = [buffers.vocab, top].map(|n| n as u32);
        gpu.launch(&LOGPROBS, &all, &info, [count as u32, 1, 1]);
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
