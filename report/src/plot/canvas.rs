//! The size, colours, text and axes that all plots share.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::ReportError;

/// Width of a plot in its own units; the page scales it.
pub const WIDTH: u32 = 440;
/// Font size in plotters' units.
const TEXT: u32 = 17;
/// Upper bound on the average width of a letter, including on a phone, where the page enlarges text.
pub const LETTER_WIDTH: f64 = 9.0;
/// Height of the x axis with its labels and name.
pub const AXIS: u32 = 48;
/// Placeholder for the page's text colour, which plotters does not know.
pub const INK: RGBColor = RGBColor(1, 2, 3);
/// The placeholder as plotters writes it. Text cannot contain it, because its quotes are escaped there.
const INK_DRAWN: &str = "\"#010203\"";
/// Colours of series, visible on light and on dark backgrounds; the first ones are distinguishable with red-green
/// colour blindness.
const COLOURS: [RGBColor; 16] = [
    RGBColor(0x3b, 0x82, 0xc4),
    RGBColor(0xd9, 0x82, 0x2b),
    RGBColor(0x8a, 0x63, 0xc9),
    RGBColor(0x2a, 0x9d, 0x8f),
    RGBColor(0xc9, 0x4f, 0x7c),
    RGBColor(0x8d, 0x7b, 0x4a),
    RGBColor(0x6b, 0x7f, 0x99),
    RGBColor(0x6a, 0x9a, 0x2d),
    RGBColor(0xb8, 0x55, 0x3f),
    RGBColor(0x4f, 0x63, 0xc7),
    RGBColor(0x7f, 0xb3, 0xe0),
    RGBColor(0xe3, 0xb0, 0x6e),
    RGBColor(0xb3, 0x99, 0xdd),
    RGBColor(0x76, 0xc0, 0xb6),
    RGBColor(0xdd, 0x8f, 0xae),
    RGBColor(0xb7, 0xa8, 0x7c),
];
/// Upper bound on values that can be drawn. No measured value is that large, and plotters cannot find axis labels
/// for larger ones.
const MAX_VALUE: f64 = 1e15;

/// Drawing area of a plot.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A plane with two numeric axes.
pub type Plane<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
/// Error type of plotters.
pub type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// Returns the colours of series, repeating forever.
pub fn colours() -> impl Iterator<Item = RGBColor> {
    COLOURS.into_iter().cycle()
}

/// Formats a colour for CSS.
pub fn css(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Returns the text style.
pub fn text() -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&INK)
}

/// Returns whether a number can be drawn.
pub fn is_drawable(value: f64) -> bool {
    value.abs() < MAX_VALUE
}

/// Returns an axis from `low` to `high` that includes 0 and extends 5 % beyond the ends; never empty.
pub fn from_zero(low: f64, high: f64) -> Range<f64> {
    let end = |value: f64| value * 1.05;
    match (low.min(0.0), high.max(0.0)) {
        (0.0, 0.0) => 0.0..1.0,
        (low, high) => end(low)..end(high),
    }
}

/// Renders a plot that adopts the page's colours and scales to any size.
///
/// # Errors
/// If plotters reports an error.
pub fn svg(
    title: &str,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), DrawError>,
) -> Result<String, ReportError> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    draw(&root)
        .and_then(|()| root.present())
        .map_err(|error| ReportError::Drawing {
            title: title.to_owned(),
            reason: error.to_string(),
        })?;
    drop(root);
    let svg = svg.replace(INK_DRAWN, "\"currentColor\"");
    let open = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(svg.replacen(&open, "<svg aria-hidden=\"true\"", 1))
}

/// An axis of a [`plane`].
pub struct Axis<'a> {
    /// Start and end of the axis.
    pub range: Range<f64>,
    /// Name of the axis, with its unit.
    pub name: &'a str,
    /// Maximum number of labels.
    pub labels: usize,
}

/// Creates two axes with grid lines.
///
/// # Errors
/// If plotters reports an error.
pub fn plane<'a>(root: &Area<'a>, x: &Axis<'_>, y: &Axis<'_>) -> Result<Plane<'a>, DrawError> {
    let mut plane = ChartBuilder::on(root)
        .margin(6)
        .margin_right(14)
        .x_label_area_size(AXIS)
        .y_label_area_size(70)
        .build_cartesian_2d(x.range.clone(), y.range.clone())?;
    let label = |value: &f64| tick(*value);
    plane
        .configure_mesh()
        .x_desc(x.name)
        .y_desc(y.name)
        .x_labels(x.labels)
        .y_labels(y.labels)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .label_style(text())
        .axis_desc_style(text())
        .axis_style(INK.mix(0.5))
        .bold_line_style(INK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(plane)
}

/// Formats a position on an axis: a round number, without the error of binary fractions.
pub fn tick(value: f64) -> String {
    // Adding 0 turns -0 into 0, which is never written as "-0".
    format!("{}", (value * 1e6).round() / 1e6 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_labels_are_as_short_as_possible() {
        assert_eq!(
            [0.0, -1e-17, 5.0, 0.1 + 0.2, 1500.0].map(tick),
            ["0", "0", "5", "0.3", "1500"]
        );
    }

    #[test]
    fn axis_is_never_empty_and_includes_zero() {
        assert_eq!(from_zero(0.0, 0.0), 0.0..1.0);
        assert_eq!(from_zero(20.0, 100.0), 0.0..105.0);
        assert_eq!(from_zero(-100.0, -20.0), -105.0..0.0);
    }
}
