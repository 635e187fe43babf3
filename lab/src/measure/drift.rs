//! Detection of a trend over repeated measurements.

use serde::{Deserialize, Serialize};

use llamaglass_types::stats::percentile;

/// Smallest change over all repeats, in percent, that is reported as a drift.
const MOST_PERCENT: f64 = 5.0;
/// Number of standard deviations that hold 95 % of a normal distribution.
const DEVIATIONS: f64 = 1.96;

/// Change of a figure from the first repeat to the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drift {
    /// Change from the first repeat to the last, in percent of the median, estimated by the median of all pairwise
    /// slopes (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968).
    pub percent: f64,
    /// True if so many rises or falls are unlikely to be chance (Mann-Kendall test, 1945, at 5 %).
    pub is_a_trend: bool,
}

impl Drift {
    /// Evaluates repeats in order; `None` for fewer than four repeats or if their median is not above 0.
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
                rises += f64::from(u8::from(b > a)) - f64::from(u8::from(b < a));
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

    /// Returns whether there is a trend of more than 5 %.
    pub fn is_drifting(&self) -> bool {
        self.is_a_trend && self.percent.abs() > MOST_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_rise_is_drift_of_its_size() {
        let values: Vec<f64> = (0..11).map(|index| 100.0 + f64::from(index)).collect();
        let drift = Drift::of(&values).expect("enough");
        // A rise of 10 relative to a median of 105.
        assert!((drift.percent - 1000.0 / 105.0).abs() < 1e-9, "{drift:?}");
        assert!(drift.is_drifting());
    }

    #[test]
    fn outlier_and_alternation_are_no_drift() {
        let mut values = vec![100.0; 10];
        values[9] = 200.0;
        assert!(!Drift::of(&values).expect("enough").is_drifting());
        let turns = [100.0, 120.0].repeat(5);
        assert!(!Drift::of(&turns).expect("enough").is_drifting());
        assert_eq!(Drift::of(&[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn small_trend_is_no_drift() {
        let values: Vec<f64> = (0..11).map(|index| 1000.0 + f64::from(index)).collect();
        let drift = Drift::of(&values).expect("enough");
        assert!(drift.is_a_trend && !drift.is_drifting(), "{drift:?}");
    }
}
