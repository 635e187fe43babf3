//! Horizontal bars by category. Each category's name stands above its bars, so that long names fit even on a phone.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{self, AXIS, DrawError, INK, LETTER_WIDTH, WIDTH, is_drawable};
use crate::{ReportError, number};

/// Margin at the left and right edges, and above the first category.
const MARGIN: u32 = 8;
/// Height of a category's name.
const NAME_HEIGHT: i32 = 20;
/// Height of a bar, and of the gap below it.
const BAR_HEIGHT: i32 = 16;
const BAR_GAP: i32 = 3;
/// Gap between categories.
const CATEGORY_GAP: i32 = 9;
/// Gap between a bar's end and its value.
const LABEL_GAP: i32 = 7;
/// Maximum letters of a name.
const MAX_LETTERS: usize = ((WIDTH - 3 * MARGIN) as f64 / LETTER_WIDTH) as usize;

/// Length of a bar, with an optional interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// End of the bar; a bar whose end is not finite is left out.
    pub value: f64,
    /// Low and high end of its interval; not drawn if bars are stacked.
    pub interval: Option<(f64, f64)>,
}

impl From<f64> for Bar {
    fn from(value: f64) -> Self {
        let interval = None;
        Self { value, interval }
    }
}

/// Bars of one colour.
#[derive(Clone, Debug)]
pub struct BarSeries {
    /// Name of the series.
    pub name: String,
    /// One bar per category, in order; `None` where there is nothing to show.
    pub bars: Vec<Option<Bar>>,
}

impl BarSeries {
    /// Creates a series.
    pub fn new(name: impl Into<String>, bars: Vec<Option<Bar>>) -> Self {
        let name = name.into();
        Self { name, bars }
    }
}

/// Bars of one or several series, by category.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Title.
    pub title: String,
    /// Name of the x axis, with its unit.
    pub x: String,
    /// Unit after each value; may be empty.
    pub unit: String,
    /// Categories, from top to bottom.
    pub categories: Vec<String>,
    /// Series, from top to bottom within a category, or from left to right if stacked.
    pub series: Vec<BarSeries>,
    /// True to place a category's bars end to end, with their sum at the end. A bar below 0 shortens the bars
    /// before it, so that the last one ends at the sum.
    pub stacked: bool,
}

/// A bar with its position.
struct PlacedBar {
    /// Start and end value.
    span: (f64, f64),
    /// Upper edge, from the top of the plot.
    top: i32,
    interval: Option<(f64, f64)>,
    colour: RGBColor,
    /// Text at the bar's end; `None` if another bar continues there.
    label: Option<String>,
}

impl Bars {
    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        (0..self.categories.len()).all(|category| self.drawable(category).next().is_none())
    }

    /// Renders the bars as SVG, as high as necessary.
    ///
    /// # Errors
    /// If plotters reports an error.
    pub fn svg(&self) -> Result<String, ReportError> {
        let (placed, names, height) = self.placed();
        let whole = height.unsigned_abs() + AXIS + 2 * MARGIN;
        canvas::svg(&self.title, (WIDTH, whole), |root| {
            self.draw(root, &placed, &names, height)
        })
    }

    /// Returns the bars of a category that can be drawn.
    fn drawable(&self, category: usize) -> impl Iterator<Item = (Bar, RGBColor)> {
        let series = self.series.iter().zip(canvas::colours());
        series.filter_map(move |(series, colour)| {
            let bar = series.bars.get(category).copied().flatten()?;
            is_drawable(bar.value).then_some((bar, colour))
        })
    }

    /// Returns all bars, the names with their positions, and the total height.
    fn placed(&self) -> (Vec<PlacedBar>, Vec<(String, i32)>, i32) {
        let (mut placed, mut names, mut top) = (Vec::new(), Vec::new(), 0);
        for (category, name) in self.categories.iter().enumerate() {
            names.push((shortened(name), top));
            top += NAME_HEIGHT;
            let bars: Vec<(Bar, RGBColor)> = self.drawable(category).collect();
            if self.stacked {
                placed.extend(self.stack(&bars, top));
                top += BAR_HEIGHT + BAR_GAP;
            } else {
                for (bar, colour) in bars {
                    placed.push(PlacedBar {
                        span: (0.0, bar.value),
                        top,
                        interval: bar
                            .interval
                            .filter(|(low, high)| is_drawable(*low) && is_drawable(*high)),
                        colour,
                        label: Some(self.label(bar.value)),
                    });
                    top += BAR_HEIGHT + BAR_GAP;
                }
            }
            top += CATEGORY_GAP;
        }
        (placed, names, top)
    }

    /// Places bars end to end in one row, so that the last one ends at their sum. All run in the same direction
    /// from 0: a bar of the opposite sign shortens or removes the bars before it.
    fn stack(&self, bars: &[(Bar, RGBColor)], top: i32) -> Vec<PlacedBar> {
        let mut stack: Vec<PlacedBar> = Vec::new();
        for (bar, colour) in bars {
            let mut length = bar.value;
            while let Some(last) = stack.last_mut() {
                let (from, to) = last.span;
                if (to - from) * length >= 0.0 {
                    break;
                }
                if (to - from).abs() > length.abs() {
                    last.span.1 += length;
                    length = 0.0;
                } else {
                    length += to - from;
                    stack.pop();
                }
            }
            if length != 0.0 {
                let begin = stack.last().map_or(0.0, |last| last.span.1);
                stack.push(PlacedBar {
                    span: (begin, begin + length),
                    top,
                    interval: None,
                    colour: *colour,
                    label: None,
                });
            }
        }
        // Bars that cancel each other out still have a sum, 0.
        if let Some((_, colour)) = bars.first().filter(|_| stack.is_empty()) {
            stack.push(PlacedBar {
                span: (0.0, 0.0),
                top,
                interval: None,
                colour: *colour,
                label: None,
            });
        }
        if let Some(last) = stack.last_mut() {
            last.label = Some(self.label(last.span.1));
        }
        stack
    }

    fn label(&self, value: f64) -> String {
        let space = if self.unit.is_empty() { "" } else { " " };
        format!("{}{space}{}", number(value), self.unit)
    }

    fn draw(
        &self,
        root: &canvas::Area<'_>,
        placed: &[PlacedBar],
        names: &[(String, i32)],
        height: i32,
    ) -> Result<(), DrawError> {
        let (left, right) = label_space(placed);
        let mut plane = ChartBuilder::on(root)
            .margin(MARGIN)
            .margin_left(MARGIN + left)
            .margin_right(MARGIN + right)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(range(placed), height..0)?;
        let label = |value: &f64| canvas::tick(*value);
        plane
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_desc(&self.x)
            .x_labels(4)
            .x_label_formatter(&label)
            .label_style(canvas::text())
            .axis_desc_style(canvas::text())
            .axis_style(INK.mix(0.5))
            .bold_line_style(INK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let style = |place| canvas::text().pos(Pos::new(place, VPos::Center));
        for (name, top) in names {
            // Just right of the line at 0 if no bar is negative.
            let at = (MARGIN as i32 + 5, MARGIN as i32 + top + NAME_HEIGHT / 2);
            root.draw_text(name, &style(HPos::Left), at)?;
        }
        for bar in placed {
            let ((from, to), middle) = (bar.span, bar.top + BAR_HEIGHT / 2);
            let corners = [(from, bar.top), (to, bar.top + BAR_HEIGHT)];
            plane.draw_series([Rectangle::new(corners, bar.colour.mix(0.9).filled())])?;
            if let Some((low, high)) = bar.interval {
                let whisker = ErrorBar::new_horizontal(middle, low, to, high, INK, 6);
                plane.draw_series([whisker])?;
            }
            let Some(label) = &bar.label else { continue };
            let (low, high) = bar.ends();
            let (at, place, offset) = match to < 0.0 {
                true => (low, HPos::Right, -LABEL_GAP),
                false => (high, HPos::Left, LABEL_GAP),
            };
            // Drawn outside the plane, because that ends at the longest bar.
            let (x, y) = plane.backend_coord(&(at, middle));
            root.draw_text(label, &style(place), (x + offset, y))?;
        }
        plane.draw_series([PathElement::new([(0.0, 0), (0.0, height)], INK.mix(0.7))])?;
        Ok(())
    }
}

impl PlacedBar {
    /// Returns the minimum and maximum of what is drawn.
    fn ends(&self) -> (f64, f64) {
        let (low, high) = self.interval.unwrap_or(self.span);
        let (from, to) = self.span;
        (low.min(from).min(to), high.max(from).max(to))
    }
}

/// Returns the range of all bars, which includes 0.
fn range(placed: &[PlacedBar]) -> Range<f64> {
    let ends = placed.iter().map(PlacedBar::ends);
    let (low, high) = ends.fold((0.0, 0.0), |(low, high): (f64, f64), of| {
        (low.min(of.0), high.max(of.1))
    });
    canvas::from_zero(low, high)
}

/// Returns the space for the longest value at the left and at the right.
fn label_space(placed: &[PlacedBar]) -> (u32, u32) {
    let label_space = |below: bool| {
        let there = placed.iter().filter(|bar| (bar.span.1 < 0.0) == below);
        let labels = there.filter_map(|bar| Some(bar.label.as_ref()?.chars().count()));
        let letters = labels.max().map(|letters| letters as f64 * LETTER_WIDTH);
        // Even a very long unit must leave space for the bars.
        letters.map_or(0, |wide| (wide as u32 + LABEL_GAP as u32).min(WIDTH / 3))
    };
    (label_space(true), label_space(false))
}

/// Shortens a name to the available space.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_LETTERS {
        return name.to_owned();
    }
    let kept = name.chars().take(MAX_LETTERS - 1);
    kept.chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests;
