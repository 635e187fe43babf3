//! Two ways of doing the same, measured in pairs.

use serde::{Deserialize, Serialize};

use super::{Drift, Estimate, Outlier, outliers};
use llamaglass_engine::stats::percentile;

/// What pairs of measurements say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The second takes longer.
    Slower,
    /// The second takes less.
    Faster,
    /// The interval of the difference holds 0.
    NoDifferenceMeasured,
    /// Fewer than three pairs: there is no interval.
    TooFewPairs,
}

impl Verdict {
    /// The verdict for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::NoDifferenceMeasured => "no difference measured",
            Self::TooFewPairs => "too few pairs for an interval",
        }
    }
}

/// The second way against the first, over pairs that were measured one right after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// The first way.
    pub without: Estimate,
    /// The second.
    pub with: Estimate,
    /// The median of the pairs' differences, second less first.
    pub difference: Estimate,
    /// The same in percent of the first way's median; nothing where that is 0.
    pub percent: Option<Estimate>,
    /// What that says.
    pub verdict: Verdict,
    /// Pairs of which the difference is far from the others'; they count all the same.
    pub outliers: Vec<Outlier>,
    /// Whether the first way became slower or faster while all went on.
    pub drift: Option<Drift>,
    /// Every pair, in order: first way, second way.
    pub pairs: Vec<[f64; 2]>,
}

impl Difference {
    /// Of `pairs`, first way and second; nothing where there are none.
    pub fn of(pairs: &[[f64; 2]]) -> Option<Self> {
        let finite = pairs
            .iter()
            .copied()
            .filter(|[a, b]| a.is_finite() && b.is_finite());
        let pairs: Vec<[f64; 2]> = finite.collect();
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

    /// Whether a difference was measured.
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
    fn a_drift_that_both_share_is_no_difference() {
        let pairs: Vec<[f64; 2]> = (0..12)
            .map(|index| {
                let slow = 10.0 + f64::from(index);
                let noise = if index % 2 == 0 { 0.1 } else { -0.1 };
                [slow, slow + noise]
            })
            .collect();
        let of = Difference::of(&pairs).expect("pairs");
        assert_eq!(of.verdict, Verdict::NoDifferenceMeasured);
        assert!(of.drift.is_some_and(|drift| drift.is_drifting()));
    }

    #[test]
    fn a_difference_is_found_under_a_larger_noise_of_both() {
        let noise = [3.0, -2.0, 9.0, 0.0, -4.0, 5.0, 1.0];
        let pairs: Vec<[f64; 2]> = noise.iter().map(|n| [20.0 + n, 22.0 + n]).collect();
        let of = Difference::of(&pairs).expect("pairs");
        assert_eq!(of.verdict, Verdict::Slower);
        assert_eq!((of.difference.low, of.difference.high), (2.0, 2.0));
        let percent = of.percent.expect("above 0").median;
        // The median of the first way is 21.
        assert!((percent - 200.0 / 21.0).abs() < 1e-9, "{percent}");
        let turned: Vec<[f64; 2]> = pairs.iter().map(|[a, b]| [*b, *a]).collect();
        let turned = Difference::of(&turned).expect("pairs");
        assert_eq!(turned.verdict, Verdict::Faster);
    }

    #[test]
    fn two_pairs_say_nothing() {
        let of = Difference::of(&[[1.0, 2.0], [1.0, 2.0], [f64::NAN, 1.0]]).expect("pairs");
        assert_eq!(of.verdict, Verdict::TooFewPairs);
        assert_eq!(Difference::of(&[]), None);
    }
}
