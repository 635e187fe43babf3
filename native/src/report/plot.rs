//! Charts as SVG, in the colours of the page around them.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// A chart's size, in units of its own: a page stretches it.
const SIZE: (u32, u32) = (440, 290);
/// The size of its text.
const TEXT: u32 = 17;
/// Stands for the page's text colour, which plotters does not know.
const INK: RGBColor = RGBColor(1, 2, 3);
/// The same as it is drawn.
const INK_DRAWN: &str = "#010203";
/// Seen on light and on dark ground, also by those who don't tell red from green.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x3b, 0x82, 0xc4),
    RGBColor(0xd9, 0x82, 0x2b),
    RGBColor(0x8a, 0x63, 0xc9),
    RGBColor(0x2a, 0x9d, 0x8f),
    RGBColor(0xc9, 0x4f, 0x7c),
    RGBColor(0x8d, 0x7b, 0x4a),
    RGBColor(0x6b, 0x7f, 0x99),
];
/// The most points of a series that are drawn; of more, so many are chosen evenly.
pub const MOST_POINTS: usize = 2000;

/// Points that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// x and y; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub mark: Mark,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Each by itself.
    Points,
    /// A line through them.
    Line,
    /// Both.
    LineWithPoints,
}

/// Series over the same axes, which begin at 0.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What is to the right, with its unit.
    pub x: String,
    /// What is upwards, with its unit.
    pub y: String,
    /// What is drawn.
    pub series: Vec<Series>,
}

impl Chart {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.points().next().is_none()
    }

    /// The colour of each series, as CSS says it.
    pub fn colours(&self) -> impl Iterator<Item = String> {
        let colours = COLOURS.into_iter().cycle();
        colours.map(|RGBColor(r, g, b)| format!("#{r:02x}{g:02x}{b:02x}"))
    }

    /// Draws it.
    ///
    /// # Errors
    /// Where plotters can't.
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg)
            .map_err(|error| anyhow!("drawing {:?}: {error}", self.title))?;
        let svg = svg.replace(INK_DRAWN, "currentColor");
        let open = format!("<svg width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1);
        Ok(svg.replacen(&open, "<svg aria-hidden=\"true\"", 1))
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.copied().filter(finite)
    }

    fn draw(&self, svg: &mut String) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let most = |of: fn((f64, f64)) -> f64| {
            let most = self.points().map(of).fold(0.0, f64::max);
            if most > 0.0 { most * 1.05 } else { 1.0 }
        };
        let (x_end, y_end) = (most(|(x, _)| x), most(|(_, y)| y));
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let text = ("sans-serif", TEXT).into_font().color(&INK);
        let mut chart = ChartBuilder::on(&root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(48)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..x_end, 0.0..y_end)?;
        let label = |value: &f64| tick(*value);
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .label_style(text.clone())
            .axis_desc_style(text)
            .axis_style(INK.mix(0.5))
            .bold_line_style(INK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (series, colour) in self.series.iter().zip(COLOURS.into_iter().cycle()) {
            let points = series.thinned();
            if series.mark != Mark::Points {
                let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
                chart.draw_series(line)?;
            }
            if series.mark != Mark::Line {
                let dots = points.iter();
                let dots = dots.map(|point| Circle::new(*point, 3, colour.mix(0.75).filled()));
                chart.draw_series(dots)?;
            }
        }
        root.present()
    }
}

impl Series {
    /// Evenly chosen points, the first and the last among them.
    fn thinned(&self) -> Vec<(f64, f64)> {
        let finite: Vec<(f64, f64)> = self.points.iter().copied().filter(finite).collect();
        if finite.len() <= MOST_POINTS {
            return finite;
        }
        let last = finite.len() - 1;
        let chosen = (0..MOST_POINTS).map(|index| index * last / (MOST_POINTS - 1));
        chosen.map(|index| finite[index]).collect()
    }
}

/// A place on an axis: a round number, but for the error of binary fractions.
fn tick(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}

fn finite((x, y): &(f64, f64)) -> bool {
    x.is_finite() && y.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, mark: Mark) -> Chart {
        Chart {
            title: "t".into(),
            x: "s".into(),
            y: "ms".into(),
            series: vec![Series {
                name: "a".into(),
                points,
                mark,
            }],
        }
    }

    #[test]
    fn text_and_axes_have_the_pages_colour_and_the_size_is_free() {
        let svg = chart(vec![(0.0, 1.0), (2.0, 5.0)], Mark::LineWithPoints).svg();
        let svg = svg.expect("draws");
        assert!(
            svg.starts_with("<svg aria-hidden=\"true\" viewBox=\"0 0 440 290\""),
            "{svg}"
        );
        assert!(svg.contains("currentColor") && !svg.contains(INK_DRAWN));
        assert!(!svg.contains("#000000"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn places_on_an_axis_are_as_short_as_they_can_be() {
        assert_eq!(
            [0.0, 5.0, 0.1 + 0.2, 1500.0].map(tick),
            ["0", "5", "0.3", "1500"]
        );
    }

    #[test]
    fn many_points_are_thinned_and_odd_ones_left_out() {
        let many: Vec<(f64, f64)> = (0..9999).map(|at| (f64::from(at), 1.0)).collect();
        let series = &chart(many, Mark::Points).series[0];
        let thinned = series.thinned();
        assert_eq!(thinned.len(), MOST_POINTS);
        assert_eq!((thinned[0].0, thinned[MOST_POINTS - 1].0), (0.0, 9998.0));
        let odd = chart(vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)], Mark::Line);
        assert!(odd.is_empty());
        odd.svg().expect("an empty chart can be drawn");
        let zeros = chart(vec![(0.0, 0.0)], Mark::Points);
        zeros.svg().expect("axes without a length are given one");
    }
}
