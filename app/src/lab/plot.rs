//! Live plot of points as they are measured; pure.

use llamaglass_lab::Point;

/// Maximum number of points drawn; older ones are dropped.
const MOST: usize = 400;

/// The latest points measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    points: Vec<Point>,
}

/// Points of one series in a picture of 100 by 100 with its origin at the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Name of the series.
    pub series: String,
    /// Positions as (x, y).
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Adds the points that are finite.
    pub fn extend(&mut self, points: Vec<Point>) {
        let sound = |point: &Point| point.x.is_finite() && point.y.is_finite();
        self.points.extend(points.into_iter().filter(sound));
        let over = self.points.len().saturating_sub(MOST);
        self.points.drain(..over);
    }

    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Returns the smallest and largest x, then the smallest and largest y, where the range of y includes 0.
    pub fn ends(&self) -> [f64; 4] {
        let over = |of: fn(&Point) -> f64| {
            let values = || self.points.iter().map(of);
            let least = values().fold(f64::INFINITY, f64::min);
            (least, values().fold(f64::NEG_INFINITY, f64::max))
        };
        if self.points.is_empty() {
            return [0.0; 4];
        }
        let ((left, right), (low, high)) = (over(|p| p.x), over(|p| p.y));
        [left, right, low.min(0.0), high.max(0.0)]
    }

    /// Returns the vertical position of y = 0 in the picture.
    pub fn zero(&self) -> f64 {
        let [_, _, low, high] = self.ends();
        match high - low {
            height if height > 0.0 => high / height * 100.0,
            _ => 50.0,
        }
    }

    /// Returns every series, in the order of their first points.
    pub fn drawn(&self) -> Vec<Drawn> {
        let [left, right, low, high] = self.ends();
        let within = |value: f64, from: f64, to: f64| match to - from {
            width if width > 0.0 => (value - from) / width * 100.0,
            _ => 50.0,
        };
        let mut all: Vec<Drawn> = Vec::new();
        for Point { series, x, y } in &self.points {
            let at = (within(*x, left, right), 100.0 - within(*y, low, high));
            match all.iter_mut().find(|drawn| drawn.series == *series) {
                Some(drawn) => drawn.points.push(at),
                None => all.push(Drawn {
                    series: series.clone(),
                    points: vec![at],
                }),
            }
        }
        all
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
        assert_eq!(plot.ends(), [1.0, 3.0, 0.0, 10.0]);
        assert_eq!(plot.zero(), 100.0);
        let drawn = plot.drawn();
        assert_eq!(drawn[0].points, [(0.0, 50.0), (100.0, 100.0)]);
        assert_eq!(
            (drawn[1].series.as_str(), drawn[1].points[0]),
            ("b", (100.0, 0.0))
        );
    }

    #[test]
    fn single_point_is_centred_and_old_points_are_dropped() {
        let mut plot = Plot::default();
        plot.extend(vec![point("a", 7.0, 0.0)]);
        assert_eq!(plot.drawn()[0].points, [(50.0, 50.0)]);
        plot.extend((0..2 * MOST).map(|x| point("a", x as f64, 1.0)).collect());
        assert_eq!(plot.drawn()[0].points.len(), MOST);
    }
}
