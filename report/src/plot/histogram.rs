//! Histograms.

use llamaglass_types::stats::percentile;
use plotters::prelude::*;

use super::canvas::{self, Axis, DrawError, WIDTH, is_drawable};
use crate::ReportError;

/// Height, in the units of its width.
const HEIGHT: u32 = 290;
/// Minimum and maximum number of bins for fractional values.
const BINS: (f64, f64) = (5.0, 60.0);

/// A histogram of values.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Title.
    pub title: String,
    /// Name of the x axis, with its unit.
    pub x: String,
    /// Name of the y axis: what is counted.
    pub y: String,
    /// Values in any order; those that are not finite are left out.
    pub values: Vec<f64>,
}

/// Values from `low` up to but excluding `high`; the last bin includes its `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    low: f64,
    high: f64,
    count: usize,
}

impl Histogram {
    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        !self.values.iter().any(|value| is_drawable(*value))
    }

    /// Renders the histogram as SVG.
    ///
    /// # Errors
    /// If plotters reports an error.
    pub fn svg(&self) -> Result<String, ReportError> {
        canvas::svg(&self.title, (WIDTH, HEIGHT), |root| self.draw(root))
    }

    fn draw(&self, root: &canvas::Area<'_>) -> Result<(), DrawError> {
        let bins = bins(&self.values);
        let range = match (bins.first(), bins.last()) {
            (Some(first), Some(last)) => first.low..last.high,
            _ => 0.0..1.0,
        };
        let max = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
        let x = Axis {
            labels: labels(range.end - range.start),
            range,
            name: &self.x,
        };
        let y = Axis {
            range: canvas::from_zero(0.0, max as f64),
            name: &self.y,
            labels: labels(max as f64 + 1.0),
        };
        let mut plane = canvas::plane(root, &x, &y)?;
        let colour = canvas::colours().next().unwrap_or(canvas::INK).mix(0.9);
        plane.draw_series(bins.iter().filter(|bin| bin.count > 0).map(|bin| {
            let corners = [(bin.low, 0.0), (bin.high, bin.count as f64)];
            let mut column = Rectangle::new(corners, colour.filled());
            column.set_margin(0, 0, 0, 1);
            column
        }))?;
        Ok(())
    }
}

/// Returns the maximum number of axis labels; for a few whole numbers, no fractions between them are labelled.
fn labels(numbers: f64) -> usize {
    if numbers >= 2.0 && numbers.fract() == 0.0 {
        numbers.min(5.0) as usize
    } else {
        5
    }
}

/// Divides the values into bins of equal width by the Freedman-Diaconis rule, within bounds. Bins of whole numbers
/// all contain the same number of integers.
fn bins(values: &[f64]) -> Vec<Bin> {
    let values: Vec<f64> = values
        .iter()
        .copied()
        .filter(|of| is_drawable(*of))
        .collect();
    let part = |percent| percentile(&values, percent);
    let (Some(min), Some(max)) = (part(0.0), part(100.0)) else {
        return Vec::new();
    };
    let quartiles = part(75.0).zip(part(25.0));
    let between = quartiles.map_or(0.0, |(upper, lower)| upper - lower);
    let wanted = 2.0 * between / (values.len() as f64).cbrt();
    let whole = values.iter().all(|value| value.fract() == 0.0);
    let span = max - min;
    let (low, width, count) = if whole {
        let width = wanted.max((span + 1.0) / BINS.1).ceil().max(1.0);
        (min - 0.5, width, ((span + 1.0) / width).ceil())
    } else if span <= max.abs().max(min.abs()) * 1e-9 {
        // All values are equal up to rounding errors, so use one bin with the value in its middle.
        let width = max.abs().max(min.abs()) * 0.1;
        (min - width / 2.0, width, 1.0)
    } else {
        // The rule gives no width if half of the values are equal.
        let rule = if wanted > 0.0 {
            span / wanted
        } else {
            BINS.1 / 3.0
        };
        let count = rule.clamp(BINS.0, BINS.1).ceil();
        (min, span / count, count)
    };
    let edge = |index: usize| low + width * index as f64;
    let count = count as usize;
    let bin = |index| Bin {
        low: edge(index),
        high: edge(index + 1),
        count: 0,
    };
    let mut bins: Vec<Bin> = (0..count).map(bin).collect();
    for value in &values {
        let index = ((value - low) / width) as usize;
        bins[index.min(count - 1)].count += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[f64]) -> Vec<usize> {
        bins(values).iter().map(|bin| bin.count).collect()
    }

    fn histogram(values: Vec<f64>) -> Histogram {
        Histogram {
            title: "t".into(),
            x: "tokens <a>".into(),
            y: "prompts".into(),
            values,
        }
    }

    #[test]
    fn bins_of_whole_numbers_have_whole_widths() {
        let few = [1.0, 2.0, 2.0, 4.0];
        let found = bins(&few);
        assert_eq!((found[0].low, found[0].high), (0.5, 1.5));
        assert_eq!(counts(&few), [1, 2, 0, 1]);
        let dense: Vec<f64> = (0..900).map(|at| f64::from(at % 3)).collect();
        assert_eq!(counts(&dense), [300, 300, 300]);
        let wide = [0.0, 0.0, 0.0, 0.0, 1_000_000.0];
        let found = bins(&wide);
        assert!(found.len() <= 60, "{}", found.len());
        assert_eq!((found[0].high - found[0].low).fract(), 0.0);
        assert_eq!((found[0].count, found[found.len() - 1].count), (4, 1));
    }

    #[test]
    fn every_value_is_in_one_bin_and_bins_are_adjacent() {
        let values: Vec<f64> = (0..1000).map(|at| f64::from(at).sqrt() + 0.1).collect();
        let found = bins(&values);
        assert_eq!(found.iter().map(|bin| bin.count).sum::<usize>(), 1000);
        // The interquartile range is 11.5, and 2 x 11.5 / cbrt(1000) is a width of 2.3.
        assert_eq!(found.len(), 14);
        for pair in found.windows(2) {
            assert_eq!(pair[0].high, pair[1].low);
        }
    }

    #[test]
    fn degenerate_values_have_bins() {
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&[f64::NAN, f64::INFINITY, 1e300]), [0; 0]);
        assert_eq!(counts(&[0.0]), [1]);
        assert_eq!(counts(&[2.5, 2.5]), [2]);
        let (same, once) = ([0.5; 50], [0.75]);
        let found = counts(&[&same[..], &once].concat());
        assert_eq!((found.len(), found[0], found[19]), (20, 50, 1));
        let large = bins(&[1e14, 1e14 + 0.5]);
        assert_eq!(large.len(), 1);
    }

    #[test]
    fn only_nonempty_bins_are_drawn() {
        let svg = histogram(vec![1.0, 1.0, 5.0]).svg().expect("draws");
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert!(!svg.contains("<a>"), "{svg}");
        assert!(!svg.contains("\n0.5\n"), "{svg}");
        let none = histogram(vec![f64::NAN]);
        assert!(none.is_empty());
        none.svg().expect("draws nothing");
        histogram(vec![1e14, 1e14 + 0.5]).svg().expect("draws");
        histogram(vec![-3.25, 1e-12]).svg().expect("draws");
    }
}
