//! Live plot of points as they are measured; pure.

use llamaglass_lab::Point;

/// Maximum number of points drawn; older ones are dropped.
const MAX_POINTS: usize = 400;

/// The latest points measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    points: Vec<Point>,
}

/// Ranges of a plot's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlotRanges {
    /// Smallest x.
    pub left: f64,
    /// Largest x.
    pub right: f64,
    /// Smallest y, at most 0.
    pub low: f64,
    /// Largest y, at least 0.
    pub high: f64,
}

/// Points of one series in a picture of 100 by 100 with its origin at the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name of the series.
    pub name: String,
    /// Positions as (x, y).
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Adds the points that are finite.
    pub fn extend(&mut self, points: Vec<Point>) {
        let is_finite = |point: &Point| point.x.is_finite() && point.y.is_finite();
        self.points.extend(points.into_iter().filter(is_finite));
        let over = self.points.len().saturating_sub(MAX_POINTS);
        self.points.drain(..over);
    }

    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Returns the ranges of the axes, all 0 if there is nothing to draw.
    pub fn ranges(&self) -> PlotRanges {
        let range = |value: fn(&Point) -> f64| {
            let values = || self.points.iter().map(value);
            let min = values().fold(f64::INFINITY, f64::min);
            (min, values().fold(f64::NEG_INFINITY, f64::max))
        };
        if self.points.is_empty() {
            return PlotRanges::default();
        }
        let ((left, right), (low, high)) = (range(|p| p.x), range(|p| p.y));
        PlotRanges {
            left,
            right,
            low: low.min(0.0),
            high: high.max(0.0),
        }
    }

    /// Returns the vertical position of y = 0 in the picture.
    pub fn zero(&self) -> f64 {
        let PlotRanges { low, high, .. } = self.ranges();
        100.0 - scale(0.0, low, high)
    }

    /// Returns every series, in the order of their first points.
    pub fn series(&self) -> Vec<Series> {
        let ranges = self.ranges();
        let mut all: Vec<Series> = Vec::new();
        for Point { series, x, y } in &self.points {
            let at = (
                scale(*x, ranges.left, ranges.right),
                100.0 - scale(*y, ranges.low, ranges.high),
            );
            match all.iter_mut().find(|known| known.name == *series) {
                Some(known) => known.points.push(at),
                None => all.push(Series {
                    name: series.clone(),
                    points: vec![at],
                }),
            }
        }
        all
    }
}

/// Maps `value` from `low..=high` to `0..=100`; the middle if the range is empty.
fn scale(value: f64, low: f64, high: f64) -> f64 {
    match high - low {
        width if width > 0.0 => (value - low) / width * 100.0,
        _ => 50.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(series: &str, x: f64, y: f64) -> Point {
        Point {
            series: series.into(),
            x,
            y,
        }
    }

    #[test]
    fn points_are_scaled_to_a_range_that_includes_zero() {
        let mut plot = Plot::default();
        plot.extend(vec![
            point("a", 1.0, 5.0),
            point("b", 3.0, 10.0),
            point("a", 2.0, f64::NAN),
            point("a", 3.0, 0.0),
        ]);
        let ranges = PlotRanges {
            left: 1.0,
            right: 3.0,
            low: 0.0,
            high: 10.0,
        };
        assert_eq!(plot.ranges(), ranges);
        assert_eq!(plot.zero(), 100.0);
        let series = plot.series();
        assert_eq!(series[0].points, [(0.0, 50.0), (100.0, 100.0)]);
        assert_eq!(
            (series[1].name.as_str(), series[1].points[0]),
            ("b", (100.0, 0.0))
        );
    }

    #[test]
    fn single_point_is_centred_and_old_points_are_dropped() {
        let mut plot = Plot::default();
        plot.extend(vec![point("a", 7.0, 0.0)]);
        assert_eq!(plot.series()[0].points, [(50.0, 50.0)]);
        plot.extend(
            (0..2 * MAX_POINTS)
                .map(|x| point("a", x as f64, 1.0))
                .collect(),
        );
        assert_eq!(plot.series()[0].points.len(), MAX_POINTS);
    }
}
