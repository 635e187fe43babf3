//! Compares a result with an earlier one.

use serde::{Deserialize, Serialize};

use llamaglass_types::stats::Range;

/// Comparison of a result with an earlier one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Settings that differ between the two, which may explain a ratio.
    pub differs: Vec<String>,
    /// Ratio of prompt tokens per second.
    pub prefill: Option<Ratio>,
    /// Ratio of tokens per second after the first.
    pub decode: Option<Ratio>,
}

/// This result's rate divided by the earlier one's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Ratio of the medians.
    pub of_medians: f64,
    /// The slowest run divided by the earlier result's fastest.
    pub least: f64,
    /// The fastest run divided by the earlier result's slowest.
    pub most: f64,
}

impl Ratio {
    /// Returns the ratio if both results have the rate.
    pub(super) fn of(now: Option<Range>, before: Option<Range>) -> Option<Self> {
        let (now, before) = (now?, before?);
        Some(Self {
            of_medians: now.median / before.median,
            least: now.min / before.max,
            most: now.max / before.min,
        })
    }

    /// Returns true if all runs were faster than all earlier ones, or all were slower.
    pub const fn is_certain(&self) -> bool {
        self.least > 1.0 || self.most < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(min: f64, median: f64, max: f64) -> Option<Range> {
        Some(Range { min, median, max })
    }

    #[test]
    fn overlapping_runs_are_not_certain() {
        let faster = Ratio::of(range(30.0, 33.0, 36.0), range(10.0, 11.0, 15.0)).expect("both");
        assert_eq!((faster.of_medians, faster.least), (3.0, 2.0));
        assert!(faster.is_certain());
        let unclear = Ratio::of(range(9.0, 12.0, 13.0), range(10.0, 11.0, 15.0)).expect("both");
        assert!(!unclear.is_certain());
        assert_eq!(Ratio::of(None, range(1.0, 1.0, 1.0)), None);
    }
}
