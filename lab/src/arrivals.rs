//! Arrival times of a load, fixed before the first request is sent.

use llamaglass_types::unknown_name;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use crate::LabError;

/// Distribution of the gaps between requests; `qps` is the rate in requests per second.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::VariantNames,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_arrivals)]
pub enum Arrivals {
    /// Exponential gaps with a mean of `1/qps` seconds, as from independent clients.
    Poisson,
    /// Gaps drawn uniformly from 0 to `2/qps` seconds.
    Uniform,
    /// Constant gaps of `1/qps` seconds, as in the study.
    Constant,
}

impl Arrivals {
    /// Returns the name that flags and results use.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Returns the send time of each of `count` requests, in milliseconds since the first, ascending. `qps` is in
    /// requests per second and above 0. The same seed gives the same pattern at every rate, only stretched.
    pub fn offsets_ms(self, qps: f64, count: usize, seed: u64) -> Vec<f64> {
        let mean = 1e3 / qps;
        // A product rather than a sum of gaps, which would accumulate rounding errors.
        if self == Self::Constant {
            return (0..count).map(|index| index as f64 * mean).collect();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut at = 0.0;
        let mut offsets = Vec::with_capacity(count);
        for _ in 0..count {
            offsets.push(at);
            let drawn: f64 = rng.random();
            at += match self {
                // `drawn` is in [0, 1), so the logarithm is finite.
                Self::Poisson => -mean * (1.0 - drawn).ln(),
                Self::Uniform => 2.0 * mean * drawn,
                Self::Constant => mean,
            };
        }
        offsets
    }
}

fn unknown_arrivals(name: &str) -> String {
    unknown_name::<Arrivals>("arrivals", name)
}

/// Returns the number of requests that `qps` (requests per second) gives in `duration_s`: the product, rounded
/// down. A product that misses a whole number only by floating-point error (0.29 x 100) counts as that number.
///
/// # Errors
/// [`LabError::Setting`] if there are no requests.
pub fn request_count(qps: f64, duration_s: f64) -> Result<usize, LabError> {
    let product = qps * duration_s;
    let whole = product.round();
    let near = (product - whole).abs() <= 1e-9 * whole.max(1.0);
    match (if near { whole } else { product.floor() }) as usize {
        0 => Err(LabError::Setting(format!(
            "{qps} requests per second for {duration_s} s give no requests; increase the rate or the duration"
        ))),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Arrivals; 3] = [Arrivals::Poisson, Arrivals::Uniform, Arrivals::Constant];

    #[test]
    fn request_count_rounds_product_down() {
        let third = 1.0 / 3.0;
        for (qps, duration_s, count) in [
            (10.0, 3.0, 30),
            (0.5, 3.0, 1),
            (0.29, 100.0, 29),
            (third, 3.0, 1),
        ] {
            assert_eq!(request_count(qps, duration_s), Ok(count));
        }
        let none = request_count(0.1, 9.99).expect_err("no requests");
        assert!(none.to_string().contains("give no requests"), "{none}");
    }

    #[test]
    fn gaps_have_mean_and_deviation_of_their_distribution() {
        const COUNT: usize = 20_000;
        for arrivals in ALL {
            let offsets = arrivals.offsets_ms(4.0, COUNT, 7);
            let gaps: Vec<f64> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
            let deviation = (variance / gaps.len() as f64).sqrt();
            assert!((mean - 250.0).abs() < 10.0, "{arrivals:?}: {mean}");
            let wanted = match arrivals {
                Arrivals::Poisson => 250.0,
                Arrivals::Uniform => 500.0 / 12f64.sqrt(),
                Arrivals::Constant => 0.0,
            };
            assert!(
                (deviation - wanted).abs() < 10.0,
                "{arrivals:?}: {deviation}"
            );
        }
    }

    #[test]
    fn same_seed_gives_same_pattern_at_every_rate() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            let slow = arrivals.offsets_ms(1.0, 50, 3);
            assert_eq!(slow, arrivals.offsets_ms(1.0, 50, 3));
            assert_ne!(slow, arrivals.offsets_ms(1.0, 50, 4));
            let fast = arrivals.offsets_ms(2.0, 50, 3);
            let close = |(slow, fast): (&f64, &f64)| (slow / 2.0 - fast).abs() < 1e-6;
            assert!(slow.iter().zip(&fast).all(close));
        }
    }

    proptest! {
        #[test]
        fn offsets_start_at_zero_ascend_and_match_count(
            kind in 0usize..3, qps in 0.001f64..1e4, count in 0usize..300, seed: u64,
        ) {
            let offsets = ALL[kind].offsets_ms(qps, count, seed);
            prop_assert_eq!(offsets.len(), count);
            prop_assert!(offsets.first().is_none_or(|first| *first == 0.0));
            prop_assert!(offsets.iter().all(|at| at.is_finite()));
            prop_assert!(offsets.is_sorted());
            if ALL[kind] == Arrivals::Uniform {
                let widest = offsets.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
                prop_assert!(widest <= 2e3 / qps * (1.0 + 1e-9));
            }
        }
    }
}
