//! Values far from the others: shown, not dropped.

use serde::{Deserialize, Serialize};

use llamaglass_engine::stats::percentile;

/// So many times the distance of the quartiles beyond them is far (J. W. Tukey, "Exploratory Data
/// Analysis", 1977).
const FENCE: f64 = 1.5;
/// Of fewer values nothing can be said.
const LEAST: usize = 5;

/// A value far from the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outlier {
    /// Which, from 0 on.
    pub index: usize,
    /// The value.
    pub value: f64,
}

/// Those of `values` that are beyond Tukey's fences, in their order.
pub fn outliers(values: &[f64]) -> Vec<Outlier> {
    let quartiles = percentile(values, 25.0).zip(percentile(values, 75.0));
    let Some((low, high)) = quartiles.filter(|_| values.len() >= LEAST) else {
        return Vec::new();
    };
    let reach = FENCE * (high - low);
    let far = |value: f64| value < low - reach || value > high + reach;
    let all = values.iter().copied().enumerate();
    all.filter(|(_, value)| far(*value))
        .map(|(index, value)| Outlier { index, value })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_decode_that_was_cold_is_one() {
        // Quartiles 10 and 12: all beyond 7 and 15.
        let values = [10.0, 12.0, 12550.0, 11.0, 10.0, 12.0, 10.0, 11.0, 7.0];
        let found = outliers(&values);
        let index = 2;
        let value = 12550.0;
        assert_eq!(found, [Outlier { index, value }]);
        assert_eq!(outliers(&[1.0, 1.0, 1.0, 9.0]), []);
    }
}
