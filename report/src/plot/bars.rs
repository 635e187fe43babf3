//! Horizontal bars by category, each category's name above its bars: so it may be long, also on a phone.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{self, AXIS, Failure, INK, LETTER, WIDTH, plain};
use crate::{ReportError, number};

/// Room at the left and right edge, and above the first category.
const MARGIN: u32 = 8;
/// The height of a category's name.
const NAME: i32 = 20;
/// The height of a bar, and of the gap under it.
const BAR: i32 = 16;
const GAP: i32 = 3;
/// The gap between categories.
const APART: i32 = 9;
/// Between a bar's end and its value.
const BESIDE: i32 = 7;
/// The most letters of a name.
const MOST_LETTERS: usize = ((WIDTH - 3 * MARGIN) as f64 / LETTER) as usize;

/// A bar's length, perhaps with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Where it ends; one that is not finite is left out.
    pub value: f64,
    /// The low and the high end of its interval; not drawn where bars are stacked.
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
    /// What they are.
    pub name: String,
    /// One for each category, in their order; `None` where there is nothing to show.
    pub bars: Vec<Option<Bar>>,
}

/// Bars by category, of one series or several.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What they show.
    pub title: String,
    /// What is to the right, with its unit.
    pub x: String,
    /// The unit that follows each value; may be empty.
    pub unit: String,
    /// The categories, from the top.
    pub categories: Vec<String>,
    /// The series, from the top of a category, or from the left where they are stacked.
    pub series: Vec<BarSeries>,
    /// Whether a category's bars follow each other, with their sum at the end. One below 0 shortens those
    /// before it, so that the last one ends at the sum.
    pub stacked: bool,
}

/// A bar with its place.
struct Placed {
    /// From value to value.
    along: (f64, f64),
    /// Its upper edge, from the top of all.
    top: i32,
    interval: Option<(f64, f64)>,
    colour: RGBColor,
    /// What stands at its end; nothing where it goes on with another.
    label: Option<String>,
}

impl Bars {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        (0..self.categories.len()).all(|category| self.of(category).next().is_none())
    }

    /// Draws them, as high as they need.
    ///
    /// # Errors
    /// Where plotters can't.
    pub fn svg(&self) -> Result<String, ReportError> {
        let (placed, names, height) = self.placed();
        let whole = height.unsigned_abs() + AXIS + 2 * MARGIN;
        canvas::svg(&self.title, (WIDTH, whole), |root| {
            self.draw(root, &placed, &names, height)
        })
    }

    /// The bars of a category that can be drawn.
    fn of(&self, category: usize) -> impl Iterator<Item = (Bar, RGBColor)> {
        let series = self.series.iter().zip(canvas::colours());
        series.filter_map(move |(series, colour)| {
            let bar = series.bars.get(category).copied().flatten()?;
            plain(bar.value).then_some((bar, colour))
        })
    }

    /// All bars, the names with their places, and the height of all.
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

    /// Bars after each other, at one height, the last of which ends at their sum. All of them go the same
    /// way from 0: one that goes back takes off what is before it first.
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
        // Bars that cancel each other out still have a sum, which is 0.
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
            // Beside the line at 0.
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
            // Not in the plane: it ends where the longest bar does.
            let (x, y) = plane.backend_coord(&(at, middle));
            root.draw_text(label, &style(place), (x + beside, y))?;
        }
        plane.draw_series([PathElement::new([(0.0, 0), (0.0, height)], INK.mix(0.7))])?;
        Ok(())
    }
}

impl Placed {
    /// The least and the most of what is drawn of it.
    fn ends(&self) -> (f64, f64) {
        let (low, high) = self.interval.unwrap_or(self.along);
        let (from, to) = self.along;
        (low.min(from).min(to), high.max(from).max(to))
    }
}

/// From the least to the most, 0 among them.
fn range(placed: &[Placed]) -> Range<f64> {
    let ends = placed.iter().map(Placed::ends);
    let (low, high) = ends.fold((0.0, 0.0), |(low, high): (f64, f64), of| {
        (low.min(of.0), high.max(of.1))
    });
    canvas::from_zero(low, high)
}

/// Room to the left and to the right for the longest value there.
fn room(placed: &[Placed]) -> (u32, u32) {
    let room = |below: bool| {
        let there = placed.iter().filter(|bar| (bar.along.1 < 0.0) == below);
        let labels = there.filter_map(|bar| Some(bar.label.as_ref()?.chars().count()));
        let letters = labels.max().map(|letters| letters as f64 * LETTER);
        // A unit of any length must leave something to the bars.
        letters.map_or(0, |wide| (wide as u32 + BESIDE as u32).min(WIDTH / 3))
    };
    (room(true), room(false))
}

/// As much of a name as there is room for.
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
            x: "ms a token".into(),
            unit: "ms".into(),
            categories: vec!["bare loop".into(), "with the scheduler and a stream".into()],
            series: series.collect(),
            stacked,
        }
    }

    /// The x, y, width and height of each bar.
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
    fn bars_are_as_long_as_their_values_and_say_them() {
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
    fn stacked_bars_follow_each_other_and_say_their_sum() {
        let svg = bars(true, &[&[1.0, 2.0], &[3.0, 4.0], &[-1.0, f64::NAN]]).svg();
        let svg = svg.expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects.len(), 4, "{svg}");
        assert_eq!(rects[0][0] + rects[0][2], rects[1][0]);
        assert_eq!(rects[0][1], rects[1][1]);
        // 1 + 3 - 1 against 2 + 4.
        let length = |row: usize| rects[2 * row][2] + rects[2 * row + 1][2];
        assert!((2 * length(0) - length(1)).abs() <= 2, "{svg}");
        assert!(
            svg.contains("\n3 ms\n") && svg.contains("\n6 ms\n"),
            "{svg}"
        );
        assert!(!svg.contains("\n1 ms\n"), "{svg}");
    }

    /// Expects a stack in the first category that is as long as the single bar in the second.
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
    fn stacked_bars_are_drawn_as_long_as_their_label_says() {
        const NONE: f64 = f64::NAN;
        for below_zero in [
            // Takes off a part of the bar before it, one whole bar and more, and what comes after it.
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
    fn stacked_bars_whose_sum_is_below_zero_go_to_the_left() {
        let svg = bars(true, &[&[3.0, -4.0], &[-5.0, 2.0]]).svg();
        let svg = svg.expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects.len(), 2, "{svg}");
        assert_eq!((rects[0][0], rects[0][2]), (rects[1][0], rects[1][2]));
        assert_eq!(svg.matches("\n-2 ms\n").count(), 2, "{svg}");
    }

    #[test]
    fn stacked_bars_that_cancel_out_say_zero() {
        let svg = bars(true, &[&[3.0, 1.0], &[-3.0]]).svg().expect("draws");
        assert_eq!(rects(&svg)[0][2], 0, "{svg}");
        assert!(svg.contains("\n0 ms\n"), "{svg}");
    }

    #[test]
    fn what_is_below_zero_goes_to_the_left_of_its_line() {
        let svg = bars(false, &[&[-4.0, 2.0]]).svg().expect("draws");
        let rects = rects(&svg);
        assert_eq!(rects[0][0] + rects[0][2], rects[1][0], "{svg}");
        assert!((rects[0][2] - 2 * rects[1][2]).abs() <= 1, "{svg}");
        assert!(svg.contains("\n-4 ms\n"), "{svg}");
    }

    #[test]
    fn an_interval_is_drawn_where_both_its_ends_are_known() {
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
        // The axis reaches to the interval's end: the bar takes half of it.
        let [.., width, _] = rects(&svg)[0];
        assert!((130..190).contains(&width), "{width}: {svg}");
    }

    #[test]
    fn each_category_makes_it_higher_and_missing_ones_leave_their_place() {
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
    fn none_can_be_drawn_and_what_is_odd_is_only_text() {
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
