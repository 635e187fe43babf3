//! Sampling on the host, the reference for every other implementation.

use llamaglass_shaders::cpu::Sampler;
use llamaglass_shaders::{FULL_WEIGHT, IN_PROMPT, Sampling};

use super::{SamplingError, SamplingOptions};

/// Occurrences of each id in prompt and answer, if penalties need them.
#[derive(Clone, Debug, Default)]
pub struct Occurrences(Vec<u32>);

impl Occurrences {
    /// Creates the occurrences for a vocabulary of `vocab` ids, with the prompt counted.
    pub fn of_prompt(prompt: &[u32], vocab: usize) -> Self {
        let mut all = vec![0; vocab];
        for id in prompt {
            if let Some(seen) = all.get_mut(*id as usize) {
                *seen = IN_PROMPT;
            }
        }
        Self(all)
    }

    /// Restores the occurrences from their [`words`](Self::words).
    pub const fn from_words(words: Vec<u32>) -> Self {
        Self(words)
    }

    /// Counts a sampled `id`.
    pub fn push(&mut self, id: u32) {
        if let Some(seen) = self.0.get_mut(id as usize) {
            *seen += 1;
        }
    }

    /// Returns one word per id: [`IN_PROMPT`] if the prompt has it, plus its count in the answer.
    pub fn words(&self) -> &[u32] {
        &self.0
    }
}

/// Converts `options` to the numbers with which host and device sample.
///
/// # Errors
/// [`SamplingError::Setting`] if an option is out of range.
pub fn sampling(options: &SamplingOptions) -> Result<Sampling, SamplingError> {
    options.validate()?;
    let fraction = |f: f32| (f64::from(f) * 4_294_967_296.0) as u32;
    let scale = if options.temperature == 0.0 {
        0.0
    } else {
        // Keeps the smallest temperatures greedy, instead of infinity times zero.
        (65_536.0 * std::f32::consts::LOG2_E / options.temperature).min(1e30)
    };
    Ok(Sampling {
        scale,
        top_k: u32::try_from(options.top_k).unwrap_or(0),
        top_p: if options.top_p < 1.0 {
            // Zero would keep all.
            fraction(options.top_p).max(1)
        } else {
            0
        },
        min_weight: (f64::from(options.min_p) * f64::from(FULL_WEIGHT)).ceil() as u32,
        penalties: options.has_penalties(),
        repetition: options.repetition_penalty,
        presence: options.presence_penalty,
        frequency: options.frequency_penalty,
        seed: options.seed,
        constrained: false,
    })
}

/// Samples ids from logits on the host. Reuses its working memory between samples.
#[derive(Clone, Debug)]
pub struct HostSampler {
    sampling: Sampling,
    draws: u64,
    sampler: Sampler,
}

impl HostSampler {
    /// Creates a sampler at the start of its seed's sequence.
    pub fn new(sampling: Sampling) -> Self {
        Self::resume(sampling, 0)
    }

    /// Creates a sampler that has already made `draws` draws.
    pub fn resume(sampling: Sampling, draws: u64) -> Self {
        Self {
            sampling,
            draws,
            sampler: Sampler::default(),
        }
    }

    /// Samples the next id from `logits` (V), which mask and penalties change in place. `mask` has one bit
    /// per id that may be sampled; it is ignored unless the settings are constrained.
    ///
    /// Without a draw, ties go to the lower id. NaN counts as minus infinity.
    ///
    /// # Errors
    /// [`SamplingError::NoFiniteLogit`] if no id can be sampled.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        occurrences: &Occurrences,
        mask: &[u32],
    ) -> Result<u32, SamplingError> {
        let draw = self.draws;
        self.draws += 1;
        self.sampler
            .sample(logits, occurrences.words(), mask, &self.sampling, draw)
            .ok_or(SamplingError::NoFiniteLogit)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use proptest::prelude::*;

    use super::*;

    fn samples(options: &SamplingOptions, logits: &[f32], n: usize) -> Vec<u32> {
        let mut sampler = HostSampler::new(sampling(options).unwrap());
        let mut sample = || sampler.sample(&mut logits.to_vec(), &Occurrences::default(), &[]);
        (0..n).map(|_| sample().unwrap()).collect()
    }

    #[test]
    fn greedy_takes_first_largest_logit_and_skips_nan() {
        let logits = [f32::NAN, 1.0, 3.0, 3.0, f32::INFINITY * 0.0];
        assert_eq!(samples(&SamplingOptions::default(), &logits, 1), [2]);
    }

    #[test]
    fn logits_without_a_finite_value_are_an_error() {
        let mut sampler = HostSampler::new(sampling(&SamplingOptions::default()).unwrap());
        let sampled = sampler.sample(&mut [f32::NAN; 4], &Occurrences::default(), &[]);
        assert_eq!(sampled, Err(SamplingError::NoFiniteLogit));
    }

    #[test]
    fn draws_follow_the_distribution() {
        let options = SamplingOptions {
            temperature: 1.0,
            seed: 7,
            ..Default::default()
        };
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        let n = 20_000;
        let mut counts = [0usize; 3];
        for id in samples(&options, &logits, n) {
            counts[id as usize] += 1;
        }
        for (count, p) in counts.into_iter().zip([0.5, 0.3, 0.2]) {
            let share = count as f64 / n as f64;
            assert!((share - p).abs() < 0.02, "{counts:?}");
        }
    }

    #[test]
    fn filters_keep_only_the_most_probable_ids() {
        let logits: Vec<f32> = [0.4f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
        let base = SamplingOptions {
            temperature: 1.0,
            ..Default::default()
        };
        let most = |options: &SamplingOptions| samples(options, &logits, 2_000).into_iter().max();
        type Change = fn(&mut SamplingOptions);
        let changes: [(Change, u32); 4] = [
            (|options| options.top_k = 2, 1),
            (|options| options.top_p = 0.65, 1),
            (|options| options.min_p = 0.45, 2),
            (|_| {}, 3),
        ];
        for (change, largest) in changes {
            let mut options = base.clone();
            change(&mut options);
            assert_eq!(most(&options), Some(largest));
        }
    }

    #[test]
    fn penalties_apply_to_prompt_and_answer_ids() {
        let mut seen = Occurrences::of_prompt(&[0], 3);
        seen.push(1);
        seen.push(1);
        let options = SamplingOptions {
            repetition_penalty: 2.0,
            presence_penalty: 0.5,
            frequency_penalty: 0.25,
            ..Default::default()
        };
        let mut logits = [4.0, -4.0, 1.0];
        let sampled = HostSampler::new(sampling(&options).unwrap()).sample(&mut logits, &seen, &[]);
        assert_eq!(logits, [2.0, -9.0, 1.0]);
        assert_eq!(sampled, Ok(0));
    }

    #[test]
    fn masked_ids_are_never_sampled() {
        let logits = [9.0, 1.0, 8.0, 2.0, 7.0];
        for temperature in [0.0, 2.0] {
            let options = SamplingOptions {
                temperature,
                ..Default::default()
            };
            let constrained = Sampling {
                constrained: true,
                ..sampling(&options).unwrap()
            };
            let mut sampler = HostSampler::new(constrained);
            let mut sample = |mask: u32| {
                let mut logits = logits.to_vec();
                sampler.sample(&mut logits, &Occurrences::default(), &[mask])
            };
            for _ in 0..50 {
                assert!(matches!(sample(0b01010), Ok(1 | 3)));
                assert_eq!(sample(0b00010), Ok(1));
            }
            assert_eq!(sample(0), Err(SamplingError::NoFiniteLogit));
        }
    }

    proptest! {
        #[test]
        fn samples_are_in_range_and_equal_for_equal_seeds(
            logits in prop::collection::vec(-30f32..30.0, 1..300),
            temperature in 0f32..2.0, top_k in 0usize..50, top_p in 0.01f32..1.0, min_p in 0f32..1.0, seed: u64,
        ) {
            let options = SamplingOptions { temperature, top_k, top_p, min_p, seed, ..Default::default() };
            let first = samples(&options, &logits, 3);
            prop_assert_eq!(&first, &samples(&options, &logits, 3));
            prop_assert!(first.iter().all(|id| (*id as usize) < logits.len()));
        }
    }
}
