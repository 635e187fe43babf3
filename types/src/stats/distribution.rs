//! Summarises the distribution of a set of values.

use serde::{Deserialize, Serialize};

use super::percentile;

/// Distribution of values whose upper tail matters, such as latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distribution {
    /// Number of values.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// 50th percentile (median).
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest value.
    pub max: f64,
}

impl Distribution {
    /// Returns the distribution of `values`, or `None` if there are none. Values that are not finite are
    /// ignored, as in [`percentile`].
    pub fn of(values: &[f64]) -> Option<Self> {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let finite: Vec<f64> = finite.collect();
        Some(Self {
            count: finite.len(),
            p50: percentile(&finite, 50.0)?,
            p90: percentile(&finite, 90.0)?,
            p99: percentile(&finite, 99.0)?,
            max: percentile(&finite, 100.0)?,
            mean: finite.iter().sum::<f64>() / finite.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distribution_matches_values_computed_by_hand() {
        let values: Vec<f64> = (1..=11).rev().map(f64::from).collect();
        let of = Distribution::of(&values).expect("values");
        // Ranks are 0 to 10: the 50th percentile is at rank 5, the 90th at rank 9, the 99th at rank 9.9.
        assert_eq!((of.count, of.mean, of.p50), (11, 6.0, 6.0));
        assert_eq!((of.p90, of.max), (10.0, 11.0));
        assert!((of.p99 - 10.9).abs() < 1e-9, "{of:?}");
    }

    #[test]
    fn distribution_ignores_values_that_are_not_finite() {
        let of = Distribution::of(&[2.5, f64::NAN]).expect("a value");
        assert_eq!((of.count, of.mean, of.p99), (1, 2.5, 2.5));
        assert_eq!(Distribution::of(&[f64::NAN]), None);
    }
}
