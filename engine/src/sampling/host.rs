//! Sampling on the host: the oracle for every other way.

use llamaglass_shaders::cpu::argmax;

use super::random::uniform;
use super::{SamplingError, SamplingOptions};

/// How often each id has occurred, as far as penalties need it.
#[derive(Clone, Debug, Default)]
pub struct Occurrences {
    /// Ids of prompt and answer, each once.
    seen: std::collections::BTreeSet<u32>,
    /// How often the answer has each id.
    answered: std::collections::BTreeMap<u32, u32>,
}

impl Occurrences {
    /// Nothing but the prompt so far.
    pub fn of_prompt(prompt: &[u32]) -> Self {
        Self {
            seen: prompt.iter().copied().collect(),
            answered: Default::default(),
        }
    }

    /// Notes that `id` was picked.
    pub fn push(&mut self, id: u32) {
        self.seen.insert(id);
        *self.answered.entry(id).or_default() += 1;
    }
}

/// Picks ids from logits on the host; keeps its working memory between picks.
#[derive(Clone, Debug)]
pub struct HostSampler {
    options: SamplingOptions,
    draws: u64,
    candidates: Vec<(u32, f32)>,
}

impl HostSampler {
    /// A sampler at the start of its seed's sequence.
    ///
    /// # Errors
    /// [`SamplingError::Setting`] where an option is off.
    pub fn new(options: SamplingOptions) -> Result<Self, SamplingError> {
        options.validate()?;
        Ok(Self {
            options,
            draws: 0,
            candidates: Vec::new(),
        })
    }

    /// Picks the next id from `logits` (V), which are changed in place by the penalties.
    ///
    /// Ties go to the lower id. Not-a-number counts as minus infinity.
    ///
    /// # Errors
    /// [`SamplingError::NoFiniteLogit`] where nothing can be picked.
    pub fn pick(
        &mut self,
        logits: &mut [f32],
        occurrences: &Occurrences,
    ) -> Result<u32, SamplingError> {
        penalise(logits, &self.options, occurrences);
        if self.options.temperature == 0.0 {
            return argmax(logits).ok_or(SamplingError::NoFiniteLogit);
        }
        let u = uniform(self.options.seed, self.draws);
        self.draws += 1;
        self.filter(logits)?;
        Ok(draw(&self.candidates, u))
    }

    /// Fills `candidates` with (id, unnormalised probability), most probable first.
    fn filter(&mut self, logits: &[f32]) -> Result<(), SamplingError> {
        let options = &self.options;
        let candidates = &mut self.candidates;
        candidates.clear();
        candidates.extend(
            (0u32..)
                .zip(logits)
                .filter(|(_, logit)| logit.is_finite())
                .map(|(id, logit)| (id, *logit)),
        );
        let by_logit = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if options.top_k > 0 && options.top_k < candidates.len() {
            candidates.select_nth_unstable_by(options.top_k - 1, by_logit);
            candidates.truncate(options.top_k);
        }
        candidates.sort_unstable_by(by_logit);
        let max = candidates.first().ok_or(SamplingError::NoFiniteLogit)?.1;
        for (_, value) in candidates.iter_mut() {
            *value = ((*value - max) / options.temperature).exp();
        }
        if options.top_p < 1.0 {
            let total: f32 = candidates.iter().map(|(_, p)| p).sum();
            let mut reached = 0.0;
            let keep = candidates
                .iter()
                .position(|(_, p)| {
                    reached += p;
                    reached >= options.top_p * total
                })
                .map_or(candidates.len(), |last| last + 1);
            candidates.truncate(keep);
        }
        if options.min_p > 0.0 {
            // The most probable one has value 1 here, whatever the normalisation.
            candidates.retain(|(_, p)| *p >= options.min_p);
        }
        Ok(())
    }
}

/// Applies the three penalties to `logits` (V).
fn penalise(logits: &mut [f32], options: &SamplingOptions, occurrences: &Occurrences) {
    if options.repetition_penalty != 1.0 {
        for id in &occurrences.seen {
            if let Some(logit) = logits.get_mut(*id as usize) {
                if *logit > 0.0 {
                    *logit /= options.repetition_penalty;
                } else {
                    *logit *= options.repetition_penalty;
                }
            }
        }
    }
    if options.presence_penalty != 0.0 || options.frequency_penalty != 0.0 {
        for (id, count) in &occurrences.answered {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit -= options.presence_penalty + *count as f32 * options.frequency_penalty;
            }
        }
    }
}

/// The candidate in whose share of the total `u` (0..1) falls.
fn draw(candidates: &[(u32, f32)], u: f32) -> u32 {
    let total: f32 = candidates.iter().map(|(_, p)| p).sum();
    let mut rest = u * total;
    for (id, p) in candidates {
        rest -= p;
        if rest < 0.0 {
            return *id;
        }
    }
    // Rounding may leave a sliver at the end: it belongs to the last candidate.
    candidates.last().map_or(0, |(id, _)| *id)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use proptest::prelude::*;

    use super::*;

    fn pick(options: SamplingOptions, logits: &[f32]) -> u32 {
        HostSampler::new(options)
            .unwrap()
            .pick(&mut logits.to_vec(), &Occurrences::default())
            .unwrap()
    }

    fn picks(options: &SamplingOptions, logits: &[f32], n: usize) -> Vec<u32> {
        let mut sampler = HostSampler::new(options.clone()).unwrap();
        (0..n)
            .map(|_| {
                sampler
                    .pick(&mut logits.to_vec(), &Occurrences::default())
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest_and_skips_what_is_not_finite() {
        let logits = [f32::NAN, 1.0, 3.0, 3.0, f32::INFINITY * 0.0];
        assert_eq!(pick(SamplingOptions::default(), &logits), 2);
    }

    #[test]
    fn logits_without_a_finite_value_are_an_error() {
        let mut sampler = HostSampler::new(SamplingOptions::default()).unwrap();
        let picked = sampler.pick(&mut [f32::NAN; 4], &Occurrences::default());
        assert_eq!(picked, Err(SamplingError::NoFiniteLogit));
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
        for id in picks(&options, &logits, n) {
            counts[id as usize] += 1;
        }
        for (count, p) in counts.into_iter().zip([0.5, 0.3, 0.2]) {
            let share = count as f64 / n as f64;
            assert!((share - p).abs() < 0.02, "{counts:?}");
        }
    }

    #[test]
    fn filters_keep_what_they_say() {
        let logits: Vec<f32> = [0.4f32, 0.3, 0.2, 0.1].iter().map(|p| p.ln()).collect();
        let base = SamplingOptions {
            temperature: 1.0,
            ..Default::default()
        };
        let most = |options: &SamplingOptions| picks(options, &logits, 2_000).into_iter().max();
        let top_k = SamplingOptions {
            top_k: 2,
            ..base.clone()
        };
        assert_eq!(most(&top_k), Some(1));
        let top_p = SamplingOptions {
            top_p: 0.65,
            ..base.clone()
        };
        assert_eq!(most(&top_p), Some(1));
        let min_p = SamplingOptions {
            min_p: 0.45,
            ..base.clone()
        };
        assert_eq!(most(&min_p), Some(2));
        assert_eq!(most(&base), Some(3));
    }

    #[test]
    fn penalties_count_prompt_and_answer_as_they_should() {
        let mut seen = Occurrences::of_prompt(&[0]);
        seen.push(1);
        seen.push(1);
        let options = SamplingOptions {
            repetition_penalty: 2.0,
            presence_penalty: 0.5,
            frequency_penalty: 0.25,
            ..Default::default()
        };
        let mut logits = [4.0, -4.0, 1.0];
        penalise(&mut logits, &options, &seen);
        assert_eq!(logits, [2.0, -9.0, 1.0]);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let bad = SamplingOptions {
            top_p: 0.0,
            ..Default::default()
        };
        let error = HostSampler::new(bad).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "top_p must be above 0 and at most 1, not 0"
        );
    }

    proptest! {
        #[test]
        fn the_pick_is_in_range_and_the_same_for_the_same_seed(
            logits in prop::collection::vec(-30f32..30.0, 1..300),
            temperature in 0f32..3.0, top_k in 0usize..50, top_p in 0.01f32..1.0, min_p in 0f32..1.0, seed: u64,
        ) {
            let options = SamplingOptions { temperature, top_k, top_p, min_p, seed, ..Default::default() };
            let first = picks(&options, &logits, 3);
            prop_assert_eq!(&first, &picks(&options, &logits, 3));
            prop_assert!(first.iter().all(|id| (*id as usize) < logits.len()));
        }
    }
}
