//! Sampling with a mask, penalties, temperature, top-k, top-p, min-p and a seeded draw.
//!
//! Once a logit is scaled, everything is computed in integers, so that device and host sample the same id. A
//! token's distance says how far its logit is below the largest, in 2^-16 of a halving of the probability; its
//! weight is 2^30, halved that often. Ids of equal distance are kept, and all ids are drawn, in the order of
//! their place: by the id modulo 256, then by the id, so that 256 invocations can share them.

use super::argmax;
use crate::sampling::{IN_PROMPT, Sampling, exp2_table};

/// Distance from which on weights are zero.
const FAR: u32 = 31 << 16;
/// Number of invocations that share the ids.
const LANES: usize = 256;

/// Samples ids; reuses its working memory between samples.
#[derive(Clone, Debug)]
pub struct Sampler {
    table: [u32; 257],
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    distance: u32,
    weight: u32,
    place: u32,
    id: u32,
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            table: exp2_table(),
            candidates: Vec::new(),
        }
    }
}

impl Sampler {
    /// Performs draw number `draw` from `logits` (V), which mask and penalties modify in place; returns `None`
    /// if no logit is finite. `occurrences` (V, or empty without penalties) counts the occurrences of each id,
    /// and `mask` ([`mask_words`](crate::mask_words), or empty if not constrained) has one bit per id that may
    /// be sampled.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        occurrences: &[u32],
        mask: &[u32],
        sampling: &Sampling,
        draw: u64,
    ) -> Option<u32> {
        if sampling.constrained {
            for (id, logit) in logits.iter_mut().enumerate() {
                if mask
                    .get(id / 32)
                    .is_none_or(|bits| bits >> (id % 32) & 1 == 0)
                {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        if sampling.penalties {
            for (logit, seen) in logits.iter_mut().zip(occurrences) {
                *logit = penalised(*logit, *seen, sampling);
            }
        }
        let largest = argmax(logits)?;
        if sampling.scale == 0.0 {
            return Some(largest);
        }
        self.weigh(logits, logits[largest as usize], sampling.scale);
        self.filter(sampling);
        self.draw(random(sampling.seed, draw))
    }

    fn weigh(&mut self, logits: &[f32], largest: f32, scale: f32) {
        let rows = logits.len().div_ceil(LANES);
        self.candidates.clear();
        // Add the candidates in the order of their places.
        for place in 0..rows * LANES {
            let id = place % rows * LANES + place / rows;
            let Some(logit) = logits.get(id).filter(|logit| logit.is_finite()) else {
                continue;
            };
            let distance = ((largest - logit) * scale).min(FAR as f32) as u32;
            let weight = weight(&self.table, distance);
            if weight > 0 {
                self.candidates.push(Candidate {
                    distance,
                    weight,
                    place: place as u32,
                    id: id as u32,
                });
            }
        }
    }

    fn filter(&mut self, sampling: &Sampling) {
        let candidates = &mut self.candidates;
        let order = |c: &Candidate| (c.distance, c.place);
        let top_k = sampling.top_k as usize;
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by_key(top_k - 1, order);
            candidates.truncate(top_k);
        }
        if sampling.top_p > 0 {
            candidates.sort_unstable_by_key(order);
            let goal = scaled(mass(candidates), sampling.top_p) + 1;
            let mut reached = 0;
            let last = candidates.iter().position(|c| {
                reached += u64::from(c.weight);
                reached >= goal
            });
            candidates.truncate(last.map_or(candidates.len(), |last| last + 1));
        }
        candidates.retain(|c| c.weight >= sampling.min_weight);
        candidates.sort_unstable_by_key(|c| c.place);
    }

    fn draw(&self, random: u32) -> Option<u32> {
        let mut left = scaled(mass(&self.candidates), random);
        for candidate in &self.candidates {
            let weight = u64::from(candidate.weight);
            if left < weight {
                return Some(candidate.id);
            }
            left -= weight;
        }
        None
    }
}

fn mass(candidates: &[Candidate]) -> u64 {
    candidates.iter().map(|c| u64::from(c.weight)).sum()
}

fn scaled(mass: u64, fraction: u32) -> u64 {
    ((u128::from(mass) * u128::from(fraction)) >> 32) as u64
}

fn weight(table: &[u32; 257], distance: u32) -> u32 {
    if distance >= FAR {
        return 0;
    }
    let at = (distance >> 8 & 0xff) as usize;
    let between = (table[at] - table[at + 1]) * (distance & 0xff);
    ((table[at] << 8) - between) >> (distance >> 16)
}

fn penalised(logit: f32, seen: u32, sampling: &Sampling) -> f32 {
    if seen == 0 {
        return logit;
    }
    let by = if logit > 0.0 {
        sampling.inverse_repetition()
    } else {
        sampling.repetition
    };
    let logit = logit * by;
    match seen & !IN_PROMPT {
        0 => logit,
        times => logit - sampling.presence - sampling.frequency * times as f32,
    }
}

/// Returns random word number `draw` of `seed`'s sequence.
///
/// pcg4d (M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020): a draw depends only
/// on the seed and its number, not on earlier draws, and a shader can compute it.
fn random(seed: u64, draw: u64) -> u32 {
    let words = [seed, seed >> 32, draw, draw >> 32].map(|word| word as u32);
    let mut v = words.map(|word| word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let mix = |v: &mut [u32; 4]| {
        for [to, a, b] in [[0, 1, 3], [1, 2, 0], [2, 0, 1], [3, 1, 2]] {
            v[to] = v[to].wrapping_add(v[a].wrapping_mul(v[b]));
        }
    };
    mix(&mut v);
    v = v.map(|word| word ^ word >> 16);
    mix(&mut v);
    v[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::FULL_WEIGHT;

    #[test]
    fn draws_are_uniform_and_seeds_differ() {
        let mut bins = [0u32; 16];
        for seed in 0..64 {
            for draw in 0..1024 {
                bins[(random(seed, draw) >> 28) as usize] += 1;
            }
        }
        // 4096 expected per bin; 5 standard deviations are about 310.
        for count in bins {
            assert!(count.abs_diff(4096) < 310, "{bins:?}");
        }
        assert_ne!(random(1, 0), random(2, 0));
        assert_ne!(random(1, 0), random(1 << 32, 0));
    }

    #[test]
    fn weights_decay_exponentially_with_distance() {
        let table = exp2_table();
        assert_eq!(weight(&table, 0), FULL_WEIGHT);
        assert_eq!(weight(&table, 1 << 16), FULL_WEIGHT / 2);
        assert_eq!(weight(&table, FAR), 0);
        for distance in (0..8 << 16).step_by(997) {
            let exact = f64::from(FULL_WEIGHT) * (-f64::from(distance) / 65_536.0).exp2();
            let off = f64::from(weight(&table, distance)) / exact - 1.0;
            assert!(off.abs() < 2e-6, "{distance}: {off:e}");
        }
    }
}
