//! Points as they are measured, in a picture that grows; pure.

use llamaglass_lab::Point;

/// So many points are drawn; of more, the last ones.
const MOST: usize = 400;

/// What was measured so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    points: Vec<Point>,
}

/// Points of one series in a picture of 100 by 100, the origin at the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// What they belong to.
    pub series: String,
    /// Where they are.
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Takes points.
    pub fn extend(&mut self, points: Vec<Point>) {
        let sound = |point: &Point| point.x.is_finite() && point.y.is_finite();
        self.points.extend(points.into_iter().filter(sound));
        let over = self.points.len().saturating_sub(MOST);
        self.points.drain(..over);
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Smallest and largest x, and smallest and largest y, which has 0 in it.
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

    /// Where y is 0 in the picture.
    pub fn zero(&self) -> f64 {
        let [_, _, low, high] = self.ends();
        match high - low {
            height if height > 0.0 => high / height * 100.0,
            _ => 50.0,
        }
    }

    /// Every series, in the order in which they came.
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
    fn points_lie_between_the_ends_and_zero_is_shown() {
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
    fn one_point_is_in_the_middle_and_of_many_the_last_are_drawn() {
        let mut plot = Plot::default();
        plot.extend(vec![point("a", 7.0, 0.0)]);
        assert_eq!(plot.drawn()[0].points, [(50.0, 50.0)]);
        plot.extend((0..2 * MOST).map(|x| point("a", x as f64, 1.0)).collect());
        assert_eq!(plot.drawn()[0].points.len(), MOST);
    }
}
