//! Whether repeats became slower or faster one after the other.

use serde::{Deserialize, Serialize};

use llamaglass_engine::stats::percentile;

/// A change of so many percent over all repeats is one to be told of.
const MOST_PERCENT: f64 = 5.0;
/// Of a normal distribution, 95 of 100 lie within so many deviations.
const DEVIATIONS: f64 = 1.96;

/// How a figure changed from the first repeat to the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drift {
    /// From the first repeat to the last, in percent of the median, by the median of all slopes
    /// between two repeats (P. K. Sen, "Estimates of the regression coefficient based on Kendall's
    /// tau", 1968).
    pub percent: f64,
    /// Whether that many rises or falls are unlikely to be chance (the test of Mann and Kendall, 1945,
    /// at 5 %).
    pub is_a_trend: bool,
}

impl Drift {
    /// Of repeats in their order; nothing where there are fewer than four, or their median is 0.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let median = percentile(values, 50.0).filter(|median| *median > 0.0)?;
        if count < 4 {
            return None;
        }
        let mut slopes = Vec::with_capacity(count * (count - 1) / 2);
        let mut rises = 0.0;
        for (later, b) in values.iter().enumerate() {
            for (earlier, a) in values[..later].iter().enumerate() {
                slopes.push((b - a) / (later - earlier) as f64);
                rises += if b > a {
                    1.0
                } else if b < a {
                    -1.0
                } else {
                    0.0
                };
            }
        }
        let n = count as f64;
        let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        let deviations = (f64::abs(rises) - 1.0).max(0.0) / variance.sqrt();
        Some(Self {
            percent: percentile(&slopes, 50.0)? * (n - 1.0) / median * 100.0,
            is_a_trend: deviations > DEVIATIONS,
        })
    }

    /// Whether it is a trend of more than 5 %.
    pub fn is_drifting(&self) -> bool {
        self.is_a_trend && self.percent.abs() > MOST_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rise_is_a_drift_of_its_size() {
        let values: Vec<f64> = (0..11).map(|index| 100.0 + f64::from(index)).collect();
        let drift = Drift::of(&values).expect("enough");
        // 10 of a median of 105.
        assert!((drift.percent - 1000.0 / 105.0).abs() < 1e-9, "{drift:?}");
        assert!(drift.is_drifting());
    }

    #[test]
    fn one_outlier_and_alternation_are_none() {
        let mut values = vec![100.0; 10];
        values[9] = 200.0;
        assert!(!Drift::of(&values).expect("enough").is_drifting());
        let turns: Vec<f64> = (0..10)
            .map(|index| f64::from(100 + 20 * (index % 2)))
            .collect();
        assert!(!Drift::of(&turns).expect("enough").is_drifting());
        assert_eq!(Drift::of(&[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn a_small_trend_is_told_but_is_no_drift() {
        let values: Vec<f64> = (0..11).map(|index| 1000.0 + f64::from(index)).collect();
        let drift = Drift::of(&values).expect("enough");
        assert!(drift.is_a_trend && !drift.is_drifting(), "{drift:?}");
    }
}
