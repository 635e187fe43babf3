//! Picking the next id from the logits on the device, so that four bytes are read back and not V
//! floats, and the step after can be issued before they are.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{ARGMAX, SAMPLE, SAMPLING_WORDS, Sampling, exp2_table};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu};
use super::super::pick::PickWay;
use super::buffers::Buffers;

/// What picks read and write.
pub struct Picks {
    /// `[1]` u32.
    pub picked: Buffer,
    /// [`Sampling::words`].
    sampling: Buffer,
    /// `[V]` u32.
    occurrences: Buffer,
    /// `[V]` u32.
    scratch: Buffer,
    /// [`exp2_table`].
    table: Buffer,
}

impl Picks {
    /// Allocates them for a vocabulary of `vocab`.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room.
    pub fn new(vocab: usize, gpu: &Gpu) -> Result<Self, ForwardError> {
        Ok(Self {
            picked: gpu.empty(4)?,
            sampling: gpu.create(Bytes::from_elems(vec![0u32; SAMPLING_WORDS]))?,
            occurrences: gpu.create(Bytes::from_elems(vec![0u32; vocab]))?,
            scratch: gpu.empty(vocab * 4)?,
            table: gpu.create(Bytes::from_elems(exp2_table().to_vec()))?,
        })
    }

    /// Puts a request's settings on the device, and with penalties the `occurrences` (V) of its prompt.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn begin(
        &self,
        gpu: &Gpu,
        sampling: &Sampling,
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        gpu.write(&self.sampling, &bytes(&sampling.words(0)))?;
        if sampling.penalties {
            gpu.write(&self.occurrences, &bytes(occurrences))?;
        }
        Ok(())
    }

    /// Picks from the buffers' logits; makes their step the next one.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, way: PickWay) {
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
        } = self;
        let info = [*vocab as u32];
        match way {
            PickWay::Argmax => {
                let buffers = [logits, picked, step];
                gpu.launch(&ARGMAX, &buffers, &info, [1, 1, 1]);
            }
            PickWay::Sample => {
                let buffers = [logits, occurrences, sampling, scratch, table, picked, step];
                gpu.launch(&SAMPLE, &buffers, &info, [1, 1, 1]);
            }
        }
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
