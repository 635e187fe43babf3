//! How a token is picked, in the numbers in which both the kernel and its CPU reference compute.

/// What is in `occurrences` of an id that the prompt has; the rest is how often the answer has it.
pub const IN_PROMPT: u32 = 1 << 31;

/// The weight of the most probable token.
pub const FULL_WEIGHT: u32 = 1 << 30;

/// Settings of a pick. A fraction f is f 2^32, and 0 stands for one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 2^16 log2(e) / temperature; 0 picks the largest logit.
    pub scale: f32,
    /// Keep the k most probable; 0 keeps all.
    pub top_k: u32,
    /// Keep the most probable that together reach this fraction; 0 keeps all.
    pub top_p: u32,
    /// Keep what weighs at least this, in units in which the most probable weighs [`FULL_WEIGHT`].
    pub min_weight: u32,
    /// Whether any penalty is on.
    pub penalties: bool,
    /// Multiplies negative logits of ids in prompt or answer; its inverse positive ones.
    pub repetition: f32,
    /// Subtracted from the logits of ids in the answer.
    pub presence: f32,
    /// The same for every time they occur.
    pub frequency: f32,
    /// The seed of the draws.
    pub seed: u64,
    /// Whether only ids of a mask are picked.
    pub constrained: bool,
}

/// Words of [`Sampling::words`].
pub const SAMPLING_WORDS: usize = 15;

/// Words of a mask of `vocab` ids: a bit an id, the lowest bit of a word first.
pub const fn mask_words(vocab: usize) -> usize {
    vocab.div_ceil(32)
}

/// Words that a sequence has in `occurrences`: one an id, and behind them its mask.
pub const fn occurrence_words(vocab: usize) -> usize {
    vocab + mask_words(vocab)
}

impl Sampling {
    /// What the kernel reads, before draw number `draw`.
    pub fn words(&self, draw: u64) -> [u32; SAMPLING_WORDS] {
        [
            self.scale.to_bits(),
            self.top_k,
            self.top_p,
            self.min_weight,
            self.penalties.into(),
            self.repetition.to_bits(),
            self.by_repetition().to_bits(),
            self.presence.to_bits(),
            self.frequency.to_bits(),
            self.seed as u32,
            (self.seed >> 32) as u32,
            draw as u32,
            (draw >> 32) as u32,
            self.constrained.into(),
            u32::MAX,
        ]
    }

    /// What positive logits are multiplied by: a device may round a division as it likes.
    pub fn by_repetition(&self) -> f32 {
        1.0 / self.repetition
    }
}

/// 2^22 times 2^(-i / 256), from 1 down to a half: between them weights are on straight lines, at
/// most 1e-6 from the curve.
pub fn exp2_table() -> [u32; 257] {
    std::array::from_fn(|i| ((-(i as f64) / 256.0).exp2() * f64::from(1 << 22)).round() as u32)
}
