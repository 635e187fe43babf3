//! Samples on the host for executors whose device does not.

use llamaglass_shaders::cpu;

use super::{SampledToken, SlotMask, SlotSampler};
use crate::sampling::{HostSampler, Occurrences, SamplingError};

/// Sampling state of each slot.
#[derive(Debug, Default)]
pub struct HostSamplers {
    slots: Vec<Option<SlotState>>,
}

#[derive(Debug)]
struct SlotState {
    sampler: HostSampler,
    occurrences: Occurrences,
    /// One bit per token id that may be sampled next; unused unless the settings are constrained.
    mask: Vec<u32>,
}

impl HostSamplers {
    /// Sets up the sampler of a sequence that starts or resumes.
    pub fn start(&mut self, started: &SlotSampler<'_>) {
        let count = self.slots.len().max(started.slot + 1);
        self.slots.resize_with(count, || None);
        self.slots[started.slot] = Some(SlotState {
            sampler: HostSampler::resume(*started.sampling, started.draws),
            occurrences: Occurrences::from_words(started.occurrences.to_vec()),
            mask: Vec::new(),
        });
    }

    /// Sets the mask of the next sample.
    pub fn constrain(&mut self, mask: &SlotMask<'_>) {
        if let Some(Some(state)) = self.slots.get_mut(mask.slot) {
            state.mask.clear();
            state.mask.extend_from_slice(mask.words);
        }
    }

    /// Samples from `logits` (V), which change, for the sequence in `slot`. With `top`, also computes
    /// log-probabilities of the sample and of that many most probable ids.
    ///
    /// # Errors
    /// [`SamplingError::NoFiniteLogit`] if no id can be sampled.
    pub fn sample(
        &mut self,
        slot: usize,
        logits: &mut [f32],
        top: Option<usize>,
    ) -> Result<SampledToken, SamplingError> {
        let Some(Some(state)) = self.slots.get_mut(slot) else {
            return Err(SamplingError::NoFiniteLogit);
        };
        // Sampling changes the logits.
        let original = top.map(|top| (logits.to_vec(), top));
        let id = state
            .sampler
            .sample(logits, &state.occurrences, &state.mask)?;
        state.occurrences.push(id);
        let logprobs = original.map(|(logits, top)| cpu::logprobs(&logits, id, top));
        Ok(SampledToken { id, logprobs })
    }
}
