//! Horizontal bars by category. Each category's name stands above its bars, so that long names fit even on a phone.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{self, AXIS, Failure, INK, LETTER, WIDTH, plain};
use crate::{ReportError, number};

/// Margin at the left and right edges, and above the first category.
const MARGIN: u32 = 8;
/// Height of a category's name.
const NAME: i32 = 20;
/// Height of a bar, and of the gap below it.
const BAR: i32 = 16;
const GAP: i32 = 3;
/// Gap between categories.
const APART: i32 = 9;
/// Gap between a bar's end and its value.
const BESIDE: i32 = 7;
/// Maximum letters of a name.
const MOST_LETTERS: usize = ((WIDTH - 3 * MARGIN) as f64 / LETTER) as usize;

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
struct Placed {
    /// Start and end value.
    along: (f64, f64),
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
        (0..self.categories.len()).all(|category| self.of(category).next().is_none())
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
    fn of(&self, category: usize) -> impl Iterator<Item = (Bar, RGBColor)> {
        let series = self.series.iter().zip(canvas::colours());
        series.filter_map(move |(series, colour)| {
            let bar = series.bars.get(category).copied().flatten()?;
            plain(bar.value).then_some((bar, colour))
        })
    }

    /// Returns all bars, the names with their positions, and the total height.
    fn placed(&self) -> (Vec<Placed>, Vec<(String, i32)>, i32) {
        let (mut placed, mut names, mut top) = (Vec::new(), Vec::new(), 0);
        for (category, name) in self.categories.iter().enumerate() {
            names.push((shortened(name), top));
            top += NAME;
            let bars: Vec<(Bar, RGBColor)> = self.of(category).collect();
            if self.stacked {
                placed.extend(self.stack(&bars, top));
                top += BAR + GAP;
            } else {
                for (bar, colour) in bars {
                    placed.push(Placed {
                        along: (0.0, bar.value),
                        top,
                        interval: bar
                            .interval
                            .filter(|(low, high)| plain(*low) && plain(*high)),
                        colour,
                        label: Some(self.label(bar.value)),
                    });
                    top += BAR + GAP;
                }
            }
            top += APART;
        }
        (placed, names, top)
    }

    /// Places bars end to end in one row, so that the last one ends at their sum. All run in the same direction
    /// from 0: a bar of the opposite sign shortens or removes the bars before it.
    fn stack(&self, bars: &[(Bar, RGBColor)], top: i32) -> Vec<Placed> {
        let mut stack: Vec<Placed> = Vec::new();
        for (bar, colour) in bars {
            let mut length = bar.value;
            while let Some(last) = stack.last_mut() {
                let (from, to) = last.along;
                if (to - from) * length >= 0.0 {
                    break;
                }
                if (to - from).abs() > length.abs() {
                    last.along.1 += length;
                    length = 0.0;
                } else {
                    length += to - from;
                    stack.pop();
                }
            }
            if length != 0.0 {
                let begin = stack.last().map_or(0.0, |last| last.along.1);
                stack.push(Placed {
                    along: (begin, begin + length),
                    top,
                    interval: None,
                    colour: *colour,
                    label: None,
                });
            }
        }
        // Bars that cancel each other out still have a sum, 0.
        if let Some((_, colour)) = bars.first().filter(|_| stack.is_empty()) {
            stack.push(Placed {
                along: (0.0, 0.0),
                top,
                interval: None,
                colour: *colour,
                label: None,
            });
        }
        if let Some(last) = stack.last_mut() {
            last.label = Some(self.label(last.along.1));
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
        placed: &[Placed],
        names: &[(String, i32)],
        height: i32,
    ) -> Result<(), Failure> {
        let (left, right) = room(placed);
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
            let at = (MARGIN as i32 + 5, MARGIN as i32 + top + NAME / 2);
            root.draw_text(name, &style(HPos::Left), at)?;
        }
        for bar in placed {
            let ((from, to), middle) = (bar.along, bar.top + BAR / 2);
            let corners = [(from, bar.top), (to, bar.top + BAR)];
            plane.draw_series([Rectangle::new(corners, bar.colour.mix(0.9).filled())])?;
            if let Some((low, high)) = bar.interval {
                let whisker = ErrorBar::new_horizontal(middle, low, to, high, INK, 6);
                plane.draw_series([whisker])?;
            }
            let Some(label) = &bar.label else { continue };
            let (low, high) = bar.ends();
            let (at, place, beside) = match to < 0.0 {
                true => (low, HPos::Right, -BESIDE),
                false => (high, HPos::Left, BESIDE),
            };
            // Drawn outside the plane, because that ends at the longest bar.
            let (x, y) = plane.backend_coord(&(at, middle));
            root.draw_text(label, &style(place), (x + beside, y))?;
        }
        plane.draw_series([PathElement::new([(0.0, 0), (0.0, height)], INK.mix(0.7))])?;
        Ok(())
    }
}

impl Placed {
    /// Returns the minimum and maximum of what is drawn.
    fn ends(&self) -> (f64, f64) {
        let (low, high) = self.interval.unwrap_or(self.along);
        let (from, to) = self.along;
        (low.min(from).min(to), high.max(from).max(to))
    }
}

/// Returns the range of all bars, which includes 0.
fn range(placed: &[Placed]) -> Range<f64> {
    let ends = placed.iter().map(Placed::ends);
    let (low, high) = ends.fold((0.0, 0.0), |(low, high): (f64, f64), of| {
        (low.min(of.0), high.max(of.1))
    });
    canvas::from_zero(low, high)
}

/// Returns the space for the longest value at the left and at the right.
fn room(placed: &[Placed]) -> (u32, u32) {
    let room = |below: bool| {
        let there = placed.iter().filter(|bar| (bar.along.1 < 0.0) == below);
        let labels = there.filter_map(|bar| Some(bar.label.as_ref()?.chars().count()));
        let letters = labels.max().map(|letters| letters as f64 * LETTER);
        // Even a very long unit must leave space for the bars.
        letters.map_or(0, |wide| (wide as u32 + BESIDE as u32).min(WIDTH / 3))
    };
    (room(true), room(false))
}

/// Shortens a name to the available space.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MOST_LETTERS {
        return name.to_owned();
    }
    let kept = name.chars().take(MOST_LETTERS - 1);
    kept.chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(stacked: bool, series: &[&[f64]]) -> Bars {
        let series = series.iter().enumerate().map(|(index, values)| BarSeries {
            name: format!("series {index}"),
            bars: values.iter().map(|value| Some(Bar::from(*value))).collect(),
        });
        Bars {
            title: "t".into(),
            x: "ms/token".into(),
            unit: "ms".into(),
            categories: vec!["bare loop".into(), "with the scheduler and a stream".into()],
            series: series.collect(),
            stacked,
        }
    }

    /// Returns the x, y, width and height of each bar.
    fn rects(svg: &str) -> Vec<[i32; 4]> {
        let rects = svg.split("<rect ").skip(1);
        let rects = rects.map(|rect| {
            ["x", "y", "width", "height"].map(|name| {
                let (_, rest) = rect.split_once(&format!("{name}=\"")).expect("has it");
                let (value, _) = rest.split_once('"').expect("ends");
                value.parse().expect("a whole number")
            })
        });
        rects.collect()
    }

    #[test]
    fn bars_are_proportional_to_values_and_labelled() {
        let svg = bars(false, &[&[10.0, 20.0], &[5.0, 2.5]])
            .svg()
            .expect("draws");
        let widths: Vec<i32> = rects(&svg).iter().map(|of| of[2]).collect();
        let of_20 = widths[2];
        assert!(of_20 > 200, "{widths:?}");
        for (width, share) in [(widths[0], 2), (widths[1], 4), (widths[3], 8)] {
            assert!((width - of_20 / share).abs() <= 1, "{widths:?}");
        }
        for text in ["10 ms", "2.50 ms", "with the scheduler and a stream"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
    }

    #[test]
    fn stacked_bars_are_placed_end_to_end_with_their_sum() {
        let svg = bars(true, &[&[1.0, 2.0], &[3.0, 4.0], &[-1.0, f64::NAN]]).svg();
        let svg = svg.expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects.len(), 4, "{svg}");
        assert_eq!(rects[0][0] + rects[0][2], rects[1][0]);
        assert_eq!(rects[0][1], rects[1][1]);
        // 1 + 3 - 1 compared with 2 + 4.
        let length = |row: usize| rects[2 * row][2] + rects[2 * row + 1][2];
        assert!((2 * length(0) - length(1)).abs() <= 2, "{svg}");
        assert!(
            svg.contains("\n3 ms\n") && svg.contains("\n6 ms\n"),
            "{svg}"
        );
        assert!(!svg.contains("\n1 ms\n"), "{svg}");
    }

    /// Asserts that the stack in the first category is as long as the single bar in the second.
    fn assert_ends_at_its_sum(series: &[&[f64]], label: &str) {
        let svg = bars(true, series).svg().expect("draws");
        let rects = rects(&svg);
        let (single, stack) = rects.split_last().expect("bars");
        let end = |rect: &[i32; 4]| rect[0] + rect[2];
        let drawn: i32 = stack.iter().map(|rect| rect[2]).sum();
        let drawn_end = stack.last().map(end).expect("a stack");
        assert!((drawn - single[2]).abs() <= 2, "{rects:?}: {svg}");
        assert_eq!(drawn_end, end(single), "{rects:?}: {svg}");
        assert_eq!(svg.matches(&format!("\n{label}\n")).count(), 2, "{svg}");
    }

    #[test]
    fn stacked_bars_are_as_long_as_their_sum() {
        const NONE: f64 = f64::NAN;
        for below_zero in [
            // The negative bar shortens the bar before it, removes more than one bar, or is subtracted from a later
            // one.
            [300.0, 10.0, -52.0, 33.0],
            [300.0, -52.0, 10.0, 33.0],
            [-52.0, 300.0, 10.0, 33.0],
            [300.0, 10.0, 33.0, -52.0],
        ] {
            let [a, b, c, d] = below_zero;
            let series: [&[f64]; 4] = [&[a, 291.0], &[b, NONE], &[c, NONE], &[d, NONE]];
            assert_ends_at_its_sum(&series, "291 ms");
        }
    }

    #[test]
    fn stacked_bars_with_negative_sum_extend_left() {
        let svg = bars(true, &[&[3.0, -4.0], &[-5.0, 2.0]]).svg();
        let svg = svg.expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects.len(), 2, "{svg}");
        assert_eq!((rects[0][0], rects[0][2]), (rects[1][0], rects[1][2]));
        assert_eq!(svg.matches("\n-2 ms\n").count(), 2, "{svg}");
    }

    #[test]
    fn stacked_bars_that_cancel_out_are_labelled_zero() {
        let svg = bars(true, &[&[3.0, 1.0], &[-3.0]]).svg().expect("draws");
        assert_eq!(rects(&svg)[0][2], 0, "{svg}");
        assert!(svg.contains("\n0 ms\n"), "{svg}");
    }

    #[test]
    fn negative_bars_extend_left_of_zero() {
        let svg = bars(false, &[&[-4.0, 2.0]]).svg().expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects[0][0] + rects[0][2], rects[1][0], "{svg}");
        assert!((rects[0][2] - 2 * rects[1][2]).abs() <= 1, "{svg}");
        assert!(svg.contains("\n-4 ms\n"), "{svg}");
    }

    #[test]
    fn interval_is_drawn_when_both_ends_are_finite() {
        let mut bars = bars(false, &[&[4.0, 5.0]]);
        bars.series[0].bars = [Some((3.0, 8.0)), Some((f64::NAN, 9.0))]
            .map(|interval| {
                Some(Bar {
                    value: 4.0,
                    interval,
                })
            })
            .into();
        let svg = bars.svg().expect("draws");
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        // The axis extends to the interval's end, so the bar takes up half of it.
        let [.., width, _] = rects(&svg)[0];
        assert!((130..190).contains(&width), "{width}: {svg}");
    }

    #[test]
    fn each_category_adds_height_even_without_bars() {
        let mut bars = bars(false, &[&[1.0], &[2.0, 3.0, 4.0]]);
        let two = bars.svg().expect("draws");
        assert_eq!(rects(&two).len(), 3);
        bars.categories.push("third".into());
        let height = |svg: &str| {
            let (_, rest) = svg.split_once("viewBox=\"0 0 440 ").expect("a size");
            rest.split_once('"')
                .expect("ends")
                .0
                .parse::<i32>()
                .expect("a number")
        };
        let three = bars.svg().expect("draws");
        assert_eq!(height(&three) - height(&two), NAME + BAR + GAP + APART);
    }

    #[test]
    fn empty_bars_are_drawn_and_special_characters_are_escaped() {
        let none = bars(false, &[&[f64::NAN, f64::INFINITY]]);
        assert!(none.is_empty());
        none.svg().expect("draws nothing");
        bars(true, &[]).svg().expect("draws nothing");
        bars(false, &[&[0.0, 0.0]])
            .svg()
            .expect("draws bars without length");
        let mut odd = bars(false, &[&[1.0, 2.0]]);
        odd.unit = "<b>&\"".repeat(99);
        odd.x = "<script>".into();
        odd.categories[0] = "<i>".repeat(40);
        let svg = odd.svg().expect("draws");
        for tag in ["<b>", "<script", "<i>"] {
            assert!(!svg.contains(tag), "{svg}");
        }
        assert!(svg.contains('\u{2026}'), "{svg}");
    }
}
