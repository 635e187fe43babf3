//! Plots as SVG, in the colours of the page around them.

mod bars;
mod canvas;
mod chart;
mod clip;
mod flame;
mod histogram;

pub use bars::{Bar, BarSeries, Bars};
pub use chart::{Chart, MAX_POINTS, Mark, Series};
pub use flame::{Flame, FlameRow, MAX_DEPTH};
pub use histogram::Histogram;

use crate::ReportError;

/// Any plot that a figure can show.
#[derive(Clone, Debug)]
pub enum Drawing {
    /// Points and lines over two axes.
    Chart(Chart),
    /// Horizontal bars by category.
    Bars(Bars),
    /// Distribution of values.
    Histogram(Histogram),
    /// Nested spans.
    Flame(Flame),
}

impl Drawing {
    /// Title of the plot.
    pub fn title(&self) -> &str {
        match self {
            Self::Chart(chart) => &chart.title,
            Self::Bars(bars) => &bars.title,
            Self::Histogram(histogram) => &histogram.title,
            Self::Flame(flame) => &flame.title,
        }
    }

    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Chart(chart) => chart.is_empty(),
            Self::Bars(bars) => bars.is_empty(),
            Self::Histogram(histogram) => histogram.is_empty(),
            Self::Flame(flame) => flame.is_empty(),
        }
    }

    /// Returns whether it needs the full width of the page.
    pub fn is_wide(&self) -> bool {
        matches!(self, Self::Flame(_))
    }

    /// Renders it as SVG.
    ///
    /// # Errors
    /// If plotters reports an error.
    pub fn svg(&self) -> Result<String, ReportError> {
        match self {
            Self::Chart(chart) => chart.svg(),
            Self::Bars(bars) => bars.svg(),
            Self::Histogram(histogram) => histogram.svg(),
            Self::Flame(flame) => Ok(flame.svg()),
        }
    }

    /// Returns the names of the series with their CSS colours; empty for a single series, which the title already
    /// names.
    pub fn legend(&self) -> Vec<(&str, String)> {
        let names: Vec<&str> = match self {
            Self::Chart(chart) => chart.series.iter().map(|of| &*of.name).collect(),
            Self::Bars(bars) => bars.series.iter().map(|of| &*of.name).collect(),
            Self::Histogram(_) | Self::Flame(_) => Vec::new(),
        };
        if names.len() < 2 {
            return Vec::new();
        }
        let colours = canvas::colours().map(canvas::css);
        names.into_iter().zip(colours).collect()
    }
}

impl From<Chart> for Drawing {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<Bars> for Drawing {
    fn from(bars: Bars) -> Self {
        Self::Bars(bars)
    }
}

impl From<Histogram> for Drawing {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(histogram)
    }
}

impl From<Flame> for Drawing {
    fn from(flame: Flame) -> Self {
        Self::Flame(flame)
    }
}
