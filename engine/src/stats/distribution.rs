//! The whole of some figures, from the middle to the slowest.

use serde::{Deserialize, Serialize};

use super::percentile;

/// Figures of which the slow end counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distribution {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Half are at most this.
    pub p50: f64,
    /// 90 of 100 are at most this.
    pub p90: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Distribution {
    /// The distribution of `values`; `None` where there are none. Values that are not finite are left
    /// out, as in [`percentile`].
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
    fn the_figures_are_those_counted_by_hand() {
        let values: Vec<f64> = (1..=11).rev().map(f64::from).collect();
        let of = Distribution::of(&values).expect("values");
        // Ranks 0 to 10: the 50th percentile is rank 5, the 90th 9, the 99th 9.9.
        assert_eq!((of.count, of.mean, of.p50), (11, 6.0, 6.0));
        assert_eq!((of.p90, of.max), (10.0, 11.0));
        assert!((of.p99 - 10.9).abs() < 1e-9, "{of:?}");
    }

    #[test]
    fn of_one_value_all_are_that_and_of_none_there_is_none() {
        let of = Distribution::of(&[2.5, f64::NAN]).expect("a value");
        assert_eq!((of.count, of.mean, of.p99), (1, 2.5, 2.5));
        assert_eq!(Distribution::of(&[f64::NAN]), None);
    }
}
