//! A median with its confidence interval.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use llamaglass_types::stats::percentile;

/// Number of bootstrap resamples per interval.
const RESAMPLES: usize = 2000;
/// Share of the resampled medians within the interval, in percent.
const COVERED: f64 = 95.0;
/// Fixed, so that the same values give the same interval.
const SEED: u64 = 95;

/// A median with its bootstrap interval, by the percentile method (B. Efron, "Bootstrap methods: another look at
/// the jackknife", 1979).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Number of values.
    pub count: usize,
    /// Median of the values.
    pub median: f64,
    /// Lower end of the 95 % interval of the median; the median itself for fewer than three values.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Estimates the median of `values`, skipping values that are not finite; `None` if none are left.
    pub fn of(values: &[f64]) -> Option<Self> {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let finite: Vec<f64> = finite.collect();
        let median = percentile(&finite, 50.0)?;
        let [low, high] = match finite.len() {
            0..=2 => [median; 2],
            _ => interval(&finite, median),
        };
        Some(Self {
            count: finite.len(),
            median,
            low,
            high,
        })
    }

    /// Returns whether there are enough values for an interval; two values have none.
    pub const fn has_interval(&self) -> bool {
        self.count > 2
    }

    /// Multiplies the median and interval by `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let [a, b] = [self.low * factor, self.high * factor];
        Self {
            count: self.count,
            median: self.median * factor,
            low: a.min(b),
            high: a.max(b),
        }
    }
}

fn interval(values: &[f64], median: f64) -> [f64; 2] {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = vec![0.0; values.len()];
    let mut medians = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for place in &mut drawn {
            *place = values[random.random_range(0..values.len())];
        }
        medians.extend(percentile(&drawn, 50.0));
    }
    let outside = (100.0 - COVERED) / 2.0;
    [outside, 100.0 - outside].map(|p| percentile(&medians, p).unwrap_or(median))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn interval_of_equal_values_is_a_point() {
        let of = Estimate::of(&[3.0; 9]).expect("values");
        assert_eq!((of.count, of.median, of.low, of.high), (9, 3.0, 3.0, 3.0));
    }

    #[test]
    fn two_values_have_no_interval() {
        let of = Estimate::of(&[1.0, 3.0, f64::NAN]).expect("values");
        assert_eq!((of.count, of.median), (2, 2.0));
        assert!(!of.has_interval());
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn interval_matches_known_spread() {
        // For 0 to 100, the interval of the median is about 50 +- 50 x 1.96 / sqrt(101).
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let of = Estimate::of(&values).expect("values");
        assert_eq!(of.median, 50.0);
        assert!((of.low - 40.0).abs() < 4.0, "{of:?}");
        assert!((of.high - 60.0).abs() < 4.0, "{of:?}");
        let scaled = of.scaled(-2.0);
        assert_eq!((scaled.median, scaled.low), (-100.0, -2.0 * of.high));
    }

    proptest! {
        #[test]
        fn interval_contains_median_and_lies_within_values(
            values in prop::collection::vec(-1e6f64..1e6, 1..40),
        ) {
            let of = Estimate::of(&values).expect("values");
            let min = values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(min <= of.low && of.low <= of.median);
            prop_assert!(of.median <= of.high && of.high <= max);
        }
    }
}
