//! Outliers; they are reported, not dropped.

use serde::{Deserialize, Serialize};

use llamaglass_types::stats::percentile;

/// Distance of the fences from the quartiles, in interquartile ranges (J. W. Tukey, "Exploratory Data Analysis",
/// 1977).
const FENCE: f64 = 1.5;
/// Minimum number of values to look for outliers.
const LEAST: usize = 5;

/// A value far from the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outlier {
    /// Index of the value, from 0.
    pub index: usize,
    /// The value.
    pub value: f64,
}

/// Returns those of `values` outside Tukey's fences, in order.
pub fn outliers(values: &[f64]) -> Vec<Outlier> {
    let quartiles = percentile(values, 25.0).zip(percentile(values, 75.0));
    let Some((low, high)) = quartiles.filter(|_| values.len() >= LEAST) else {
        return Vec::new();
    };
    let reach = FENCE * (high - low);
    let far = |value: f64| value < low - reach || value > high + reach;
    let all = values
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, value)| far(*value));
    all.map(|(index, value)| Outlier { index, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_first_decode_is_an_outlier() {
        // Quartiles are 10 and 12, so the fences are at 7 and 15.
        let values = [10.0, 12.0, 12550.0, 11.0, 10.0, 12.0, 10.0, 11.0, 7.0];
        let (index, value) = (2, 12550.0);
        assert_eq!(outliers(&values), [Outlier { index, value }]);
        assert_eq!(outliers(&[1.0, 1.0, 1.0, 9.0]), []);
    }
}
