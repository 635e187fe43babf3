//! Sampling settings, in the units that both the kernel and its CPU reference compute in.

use crate::params::SamplingState;

/// Bit in `occurrences` that marks ids of the prompt; the other bits count how often the completion has the id.
pub const IN_PROMPT: u32 = 1 << 31;

/// Weight of the most probable token.
pub const FULL_WEIGHT: u32 = 1 << 30;

/// Settings for sampling. A fraction f is stored as f 2^32; 0 stands for 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 2^16 log2(e) / temperature; 0 selects the largest logit (greedy).
    pub scale: f32,
    /// Keeps the k most probable ids; 0 keeps all.
    pub top_k: u32,
    /// Keeps the most probable ids that together reach this fraction; 0 keeps all.
    pub top_p: u32,
    /// Keeps ids of at least this weight, where the most probable id has the weight [`FULL_WEIGHT`].
    pub min_weight: u32,
    /// True if any penalty is enabled.
    pub penalties: bool,
    /// Factor for negative logits of ids in prompt or completion; positive ones are multiplied by its inverse.
    pub repetition: f32,
    /// Subtracted from the logits of ids in the completion.
    pub presence: f32,
    /// Subtracted from those logits once per occurrence.
    pub frequency: f32,
    /// Seed of the random draws.
    pub seed: u64,
    /// True if only ids in a mask may be sampled.
    pub constrained: bool,
}

/// Number of words of a mask over `vocab` ids: one bit per id, the lowest bit of a word first.
pub const fn mask_words(vocab: usize) -> usize {
    vocab.div_ceil(32)
}

/// Number of words per sequence in `occurrences`: one per id, followed by the mask.
pub const fn occurrence_words(vocab: usize) -> usize {
    vocab + mask_words(vocab)
}

impl Sampling {
    /// Returns what the kernel reads before draw number `draw`.
    pub fn state(&self, draw: u64) -> SamplingState {
        SamplingState {
            scale: self.scale,
            top_k: self.top_k,
            top_p: self.top_p,
            min_weight: self.min_weight,
            penalties: self.penalties.into(),
            repetition: self.repetition,
            inverse_repetition: self.inverse_repetition(),
            presence: self.presence,
            frequency: self.frequency,
            seed_low: self.seed as u32,
            seed_high: (self.seed >> 32) as u32,
            draw_low: draw as u32,
            draw_high: (draw >> 32) as u32,
            constrained: self.constrained.into(),
            all_ones: u32::MAX,
        }
    }

    /// Returns the factor for positive logits of ids that have occurred.
    pub fn inverse_repetition(&self) -> f32 {
        1.0 / self.repetition
    }
}

/// Returns the table of 2^22 times 2^(-i / 256), from 1 down to a half. Weights in between are interpolated
/// linearly, at most 1e-6 from the exact curve.
pub fn exp2_table() -> [u32; 257] {
    std::array::from_fn(|i| ((-(i as f64) / 256.0).exp2() * f64::from(1 << 22)).round() as u32)
}
