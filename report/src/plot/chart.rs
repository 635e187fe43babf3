//! Charts of points and lines over two axes.

use plotters::prelude::*;

use super::canvas::{self, Axis, DrawError, WIDTH, is_drawable};
use super::clip;
use crate::ReportError;

/// Height of a chart, in the units of its width.
const HEIGHT: u32 = 290;
/// Maximum points drawn per series; longer series are thinned evenly.
pub const MAX_POINTS: usize = 2000;

/// A series of points.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name of the series.
    pub name: String,
    /// x and y of each point; points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Drawing style.
    pub mark: Mark,
}

impl Series {
    /// Creates a series.
    pub fn new(name: impl Into<String>, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        let name = name.into();
        Self { name, points, mark }
    }
}

/// Drawing style of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Separate points.
    Points,
    /// A line through the points, which may leave the chart, such as a fit.
    Line,
    /// A line and points.
    LineWithPoints,
}

/// Series over shared axes, which start at 0, or at the minimum if it is below 0.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// Name of the x axis, with its unit.
    pub x: String,
    /// Name of the y axis, with its unit.
    pub y: String,
    /// Series to draw.
    pub series: Vec<Series>,
}

impl Chart {
    /// Creates a chart; the axes have names with units.
    pub fn new(title: impl Into<String>, x: &str, y: &str, series: Vec<Series>) -> Self {
        let (title, x, y) = (title.into(), x.to_owned(), y.to_owned());
        Self {
            title,
            x,
            y,
            series,
        }
    }

    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.drawn().is_empty())
    }

    /// Renders the chart as SVG.
    ///
    /// # Errors
    /// If plotters reports an error.
    pub fn svg(&self) -> Result<String, ReportError> {
        canvas::svg(&self.title, (WIDTH, HEIGHT), |root| self.draw(root))
    }

    fn draw(&self, root: &canvas::Area<'_>) -> Result<(), DrawError> {
        let series: Vec<(&Series, Vec<(f64, f64)>)> =
            self.series.iter().map(|of| (of, of.drawn())).collect();
        let (min, max) = ends(&series);
        let axis = |name, low, high| Axis {
            range: canvas::from_zero(low, high),
            name,
            labels: 5,
        };
        let x = axis(&self.x, min.0, max.0);
        let y = axis(&self.y, min.1, max.1);
        let mut plane = canvas::plane(root, &x, &y)?;
        for ((series, drawn), colour) in series.into_iter().zip(canvas::colours()) {
            let drawn = thinned(drawn);
            if matches!(series.mark, Mark::Line | Mark::LineWithPoints) {
                for piece in clip::above(&drawn, (x.range.start, y.range.start)) {
                    plane.draw_series(LineSeries::new(piece, colour.stroke_width(2)))?;
                }
            }
            if series.mark != Mark::Line {
                let dot = |at: &(f64, f64)| Circle::new(*at, 3, colour.mix(0.75).filled());
                plane.draw_series(drawn.iter().map(dot))?;
            }
        }
        Ok(())
    }
}

impl Series {
    /// Returns the points that can be drawn.
    fn drawn(&self) -> Vec<(f64, f64)> {
        let drawable = |(x, y): &(f64, f64)| is_drawable(*x) && is_drawable(*y);
        self.points.iter().copied().filter(drawable).collect()
    }
}

/// Returns the minimum and maximum of x and y. A series with only a line is a fit, which may start outside the
/// chart: it counts for the minimum only if there is nothing else.
fn ends(series: &[(&Series, Vec<(f64, f64)>)]) -> ((f64, f64), (f64, f64)) {
    let points = |fits: bool| {
        let series = series
            .iter()
            .filter(move |(series, _)| fits || series.mark != Mark::Line);
        series.flat_map(|(_, drawn)| drawn)
    };
    let only_lines = points(false).next().is_none();
    let min = points(only_lines).fold((0.0, 0.0), |(x, y): (f64, f64), point| {
        (x.min(point.0), y.min(point.1))
    });
    let max = points(true).fold((0.0, 0.0), |(x, y): (f64, f64), point| {
        (x.max(point.0), y.max(point.1))
    });
    (min, max)
}

/// Selects [`MAX_POINTS`] points evenly, including the first and the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points;
    }
    let last = points.len() - 1;
    let chosen = (0..MAX_POINTS).map(|index| index * last / (MAX_POINTS - 1));
    chosen.map(|index| points[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, mark: Mark) -> Chart {
        Chart::new("t", "s", "ms", vec![Series::new("a", mark, points)])
    }

    /// Returns a numeric attribute of the first SVG element that starts with `element`.
    fn attribute(svg: &str, element: &str, name: &str) -> f64 {
        let (_, rest) = svg.split_once(element).expect("it is drawn");
        let (_, rest) = rest.split_once(&format!("{name}=\"")).expect("has it");
        let (value, _) = rest.split_once('"').expect("ends");
        value.parse().expect("a number")
    }

    #[test]
    fn chart_uses_page_colours_and_has_no_fixed_size() {
        let svg = chart(vec![(0.0, 1.0), (2.0, 5.0)], Mark::LineWithPoints).svg();
        let svg = svg.expect("draws");
        assert!(
            svg.starts_with("<svg aria-hidden=\"true\" viewBox=\"0 0 440 290\""),
            "{svg}"
        );
        assert!(svg.contains("currentColor") && !svg.contains("#010203"));
        assert!(!svg.contains("#000000"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn many_points_are_thinned_and_unplottable_ones_left_out() {
        let many: Vec<(f64, f64)> = (0..9999).map(|at| (f64::from(at), 1.0)).collect();
        let thinned = thinned(chart(many, Mark::Points).series[0].drawn());
        assert_eq!(thinned.len(), MAX_POINTS);
        assert_eq!((thinned[0].0, thinned[MAX_POINTS - 1].0), (0.0, 9998.0));
        let odd = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (1e300, 1.0)];
        let odd = chart(odd, Mark::Line);
        assert!(odd.is_empty());
        odd.svg().expect("an empty chart can be drawn");
        let zeros = chart(vec![(0.0, 0.0)], Mark::Points);
        zeros.svg().expect("axes without a length are given one");
    }

    #[test]
    fn fit_is_clipped_at_axes_and_does_not_extend_them() {
        let mut chart = chart(vec![(10.0, 5.0), (100.0, 95.0)], Mark::Points);
        chart.series.push(Series::new(
            "fit",
            Mark::Line,
            vec![(0.0, -50.0), (100.0, 50.0)],
        ));
        let svg = chart.svg().expect("draws");
        let line = svg.split("<polyline").find(|of| of.contains("#D9822B"));
        let line = line.expect("the fit is drawn");
        let (_, points) = line.split_once("points=\"").expect("has points");
        let (from, _) = points.split_once(' ').expect("has two");
        // The line starts in the middle of the axis, because half of it lies below 0.
        let (x, y) = from.split_once(',').expect("a pair");
        let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
        assert!((235.0..255.0).contains(&x), "{from}");
        assert!((230.0..=236.0).contains(&y), "{from}");
    }

    #[test]
    fn axes_extend_below_zero_when_points_do() {
        let svg = chart(vec![(1.0, -5.0), (2.0, 5.0)], Mark::Points).svg();
        let svg = svg.expect("draws");
        assert!(svg.contains("\n-4\n"), "{svg}");
        assert!(attribute(&svg, "<circle", "cy") > 200.0, "{svg}");
    }
}
