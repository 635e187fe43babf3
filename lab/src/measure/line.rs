//! Linear regression.

use serde::{Deserialize, Serialize};

/// The least-squares line through points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    /// Change of y per unit of x.
    pub slope: f64,
    /// y at x = 0.
    pub intercept: f64,
    /// Coefficient of determination: the share of y's variance that the line explains, 0 to 1.
    pub r2: f64,
}

impl Line {
    /// Fits a line through `points` of x and y; `None` if all have the same x.
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let sum =
            |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| of(p.0 - x, p.1 - y)).sum::<f64>();
        let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        (xx > 0.0).then(|| {
            let slope = xy / xx;
            Self {
                slope,
                intercept: y - slope * x,
                r2: if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 },
            }
        })
    }

    /// Returns y at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_recovers_exact_line() {
        let points = [1.0, 2.0, 3.0, 4.0, 5.0].map(|x| (x, 25.0 + 23.68 * x));
        let line = Line::through(&points).expect("a line");
        assert!((line.slope - 23.68).abs() < 1e-9 && (line.intercept - 25.0).abs() < 1e-9);
        assert!((line.r2 - 1.0).abs() < 1e-9);
        assert!((line.at(10.0) - 261.8).abs() < 1e-9);
    }

    #[test]
    fn fit_matches_hand_computed_line() {
        // Means are 2 and 3; the slope is (1 + 0 + 2) / 2, and r2 is 3^2 / (2 x 6).
        let line = Line::through(&[(1.0, 2.0), (2.0, 2.0), (3.0, 5.0)]).expect("a line");
        assert!((line.slope - 1.5).abs() < 1e-9 && line.intercept.abs() < 1e-9);
        assert!((line.r2 - 4.5 / 6.0).abs() < 1e-9, "{line:?}");
        assert_eq!(Line::through(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(Line::through(&[]), None);
    }
}
