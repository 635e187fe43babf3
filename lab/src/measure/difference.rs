//! Comparison of two variants, measured in pairs.

use serde::{Deserialize, Serialize};

use super::{Drift, Estimate, Outlier, outliers};
use llamaglass_types::stats::percentile;

/// Verdict on a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The second variant takes longer.
    Slower,
    /// The second variant takes less time.
    Faster,
    /// The interval of the difference contains 0.
    NoDifferenceMeasured,
    /// Fewer than three pairs, so there is no interval.
    TooFewPairs,
}

impl Verdict {
    /// Returns the verdict in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::NoDifferenceMeasured => "no difference measured",
            Self::TooFewPairs => "too few pairs for an interval",
        }
    }
}

/// The second variant against the first, over pairs measured right after each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// First variant.
    pub without: Estimate,
    /// Second variant.
    pub with: Estimate,
    /// Median of the pairs' differences, second less first.
    pub difference: Estimate,
    /// The same in percent of the first variant's median; `None` if that is not above 0.
    pub percent: Option<Estimate>,
    /// Verdict on the difference.
    pub verdict: Verdict,
    /// Pairs whose difference is far from the others'; they still count.
    pub outliers: Vec<Outlier>,
    /// Drift of the first variant during the measurement.
    pub drift: Option<Drift>,
    /// All pairs in order: first variant, second variant.
    pub pairs: Vec<[f64; 2]>,
}

impl Difference {
    /// Compares `pairs` of first and second variant, skipping pairs that are not finite; `None` if none are left.
    pub fn of(pairs: &[[f64; 2]]) -> Option<Self> {
        let finite = |[a, b]: &[f64; 2]| a.is_finite() && b.is_finite();
        let pairs: Vec<[f64; 2]> = pairs.iter().copied().filter(finite).collect();
        let side = |index: usize| pairs.iter().map(|pair| pair[index]).collect::<Vec<f64>>();
        let (first, second) = (side(0), side(1));
        let differences: Vec<f64> = pairs.iter().map(|[a, b]| b - a).collect();
        let without = Estimate::of(&first)?;
        let difference = Estimate::of(&differences)?;
        let base = percentile(&first, 50.0).filter(|base| *base > 0.0);
        Some(Self {
            without,
            with: Estimate::of(&second)?,
            percent: base.map(|base| difference.scaled(100.0 / base)),
            verdict: verdict(difference),
            difference,
            outliers: outliers(&differences),
            drift: Drift::of(&first),
            pairs,
        })
    }

    /// Returns whether a difference was measured.
    pub const fn is_certain(&self) -> bool {
        matches!(self.verdict, Verdict::Slower | Verdict::Faster)
    }
}

const fn verdict(of: Estimate) -> Verdict {
    if !of.has_interval() {
        Verdict::TooFewPairs
    } else if of.low > 0.0 {
        Verdict::Slower
    } else if of.high < 0.0 {
        Verdict::Faster
    } else {
        Verdict::NoDifferenceMeasured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_drift_is_no_difference() {
        let pairs = [0.1, -0.1].repeat(6).into_iter().zip(10..);
        let pairs = pairs.map(|(noise, slow)| [f64::from(slow), f64::from(slow) + noise]);
        let pairs: Vec<[f64; 2]> = pairs.collect();
        let of = Difference::of(&pairs).expect("pairs");
        assert_eq!(of.verdict, Verdict::NoDifferenceMeasured);
        assert!(of.drift.is_some_and(|drift| drift.is_drifting()));
    }

    #[test]
    fn difference_is_found_under_larger_shared_noise() {
        let noise = [3.0, -2.0, 9.0, 0.0, -4.0, 5.0, 1.0];
        let pairs: Vec<[f64; 2]> = noise.iter().map(|n| [20.0 + n, 22.0 + n]).collect();
        let of = Difference::of(&pairs).expect("pairs");
        assert_eq!(of.verdict, Verdict::Slower);
        assert_eq!((of.difference.low, of.difference.high), (2.0, 2.0));
        let percent = of.percent.expect("above 0").median;
        // The first variant's median is 21.
        assert!((percent - 200.0 / 21.0).abs() < 1e-9, "{percent}");
        let turned: Vec<[f64; 2]> = pairs.iter().map(|[a, b]| [*b, *a]).collect();
        let turned = Difference::of(&turned).expect("pairs");
        assert_eq!(turned.verdict, Verdict::Faster);
    }

    #[test]
    fn two_pairs_are_too_few_for_a_verdict() {
        let of = Difference::of(&[[1.0, 2.0], [1.0, 2.0], [f64::NAN, 1.0]]).expect("pairs");
        assert_eq!(of.verdict, Verdict::TooFewPairs);
        assert_eq!(Difference::of(&[]), None);
    }
}
