//! Report of `ladder`.

use llamaglass_lab::experiments::ladder::{LadderData, LadderLayer};

use super::estimate;
use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{Bar, BarSeries, Bars, Chart, Mark, Series};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &LadderData) -> Part {
    let settings = &data.ladder;
    let lengths: Vec<String> = settings.lengths.iter().map(usize::to_string).collect();
    let adds = data.layers.iter().map(|of| &of.layer);
    let adds = adds.map(|layer| format!("{}: {}", layer.name, layer.adds));
    let excess = data
        .layers
        .iter()
        .filter_map(|of| Some((of, of.excess.as_ref()?)));
    let remarks =
        excess.flat_map(|(of, excess)| estimate::remarks(&of.layer.name, "ms/token", excess));
    let by_length = by_length(data);
    Part {
        facts: vec![
            ("Prompt", settings.prompt.clone()),
            ("Answers, tokens", lengths.join(", ")),
            ("Repeats", number(settings.repeats as f64)),
        ],
        items: vec![
            Item::Figures(vec![
                whole(data),
                excesses(data),
                stacked(data),
                against_length(data),
            ]),
            Item::Table(layers(data)),
            Item::List(adds.collect()),
            Item::List(remarks.collect()),
            Item::Details(by_length.clone()),
        ],
        files: vec![("ladder", by_length)],
    }
}

/// Headings of a median and its interval.
const MEDIAN: &str = "ms/token | 95 % from, ms | 95 % to, ms";

fn layers(data: &LadderData) -> Sheet {
    let rows = data.layers.iter().map(|of| {
        let mut row = row![of.layer.name.clone()];
        row.extend(estimate::cells(of.ms_per_token));
        row.extend(estimate::added(of.excess.as_ref()));
        row
    });
    let columns = ["layer", MEDIAN, estimate::ADDED];
    Sheet::new("Layers, a token", &columns).with(rows)
}

fn by_length(data: &LadderData) -> Sheet {
    let rows = data.layers.iter().flat_map(|of| {
        of.at.iter().map(|at| {
            let mut row: Vec<Cell> = row![of.layer.name.clone(), at.tokens];
            row.extend(estimate::cells(at.ms_per_token));
            row.extend(estimate::added(at.excess.as_ref()));
            row
        })
    });
    let columns = ["layer | answer, tokens", MEDIAN, estimate::ADDED];
    Sheet::new("Layers at each length, a token", &columns).with(rows)
}

fn bars(title: &str, data: &LadderData, series: Vec<BarSeries>, stacked: bool) -> Bars {
    Bars {
        title: title.into(),
        x: "ms/token".into(),
        unit: "ms".into(),
        categories: data.layers.iter().map(|of| of.layer.name.clone()).collect(),
        series,
        stacked,
    }
}

fn whole(data: &LadderData) -> Figure {
    let bar = |of: &LadderLayer| {
        Some(Bar {
            value: of.ms_per_token.median,
            interval: estimate::interval(of.ms_per_token),
        })
    };
    let series = BarSeries::new("ms/token", data.layers.iter().map(bar).collect());
    let drawing = bars("A token through each layer", data, vec![series], false);
    Figure::new(drawing, "Medians over all lengths, with 95 % intervals.")
}

fn excesses(data: &LadderData) -> Figure {
    let bar = |of: &LadderLayer| of.excess.as_ref().map(estimate::bar);
    let series = BarSeries::new("more", data.layers.iter().map(bar).collect());
    let drawing = bars("What each layer adds", data, vec![series], false);
    let caption = "To the layer below, in pairs, with 95 % intervals. Where one holds 0, no difference \
                   was measured.";
    Figure::new(drawing, caption)
}

/// Stacks each layer on those below it.
fn stacked(data: &LadderData) -> Figure {
    let own = |of: &LadderLayer| {
        let excess = of.excess.as_ref().map(|of| of.difference.median);
        excess.unwrap_or(of.ms_per_token.median)
    };
    let series = data.layers.iter().enumerate().map(|(index, of)| {
        let bar = |category: usize| (category >= index).then(|| Bar::from(own(of)));
        BarSeries::new(
            of.layer.name.clone(),
            (0..data.layers.len()).map(bar).collect(),
        )
    });
    let drawing = bars("Layers stacked", data, series.collect(), true);
    let caption = "The lowest layer, and what each further layer adds. A layer that was measured as faster than the \
                   layer below shortens the bar.";
    Figure::new(drawing, caption)
}

fn against_length(data: &LadderData) -> Figure {
    let series = data.layers.iter().map(|of| {
        let points = of
            .at
            .iter()
            .map(|at| (at.tokens as f64, at.ms_per_token.median));
        Series::new(
            of.layer.name.clone(),
            Mark::LineWithPoints,
            points.collect(),
        )
    });
    let drawing = Chart::new(
        "Time per token by answer length",
        "answer, tokens",
        "ms/token",
        series.collect(),
    );
    Figure::new(
        drawing,
        "Medians. A short answer bears the full cost of its prompt.",
    )
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::experiments::ladder::{AtLength, LadderSettings, Layer};
    use llamaglass_lab::{Data, Difference, Estimate};

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered};

    fn layer(name: &str, ms: f64, below: Option<f64>) -> LadderLayer {
        let excess = below.and_then(|below| Difference::of(&[[below, ms]; 4]));
        let estimate = Estimate::of(&[ms; 4]).expect("values");
        LadderLayer {
            layer: Layer {
                name: name.into(),
                adds: format!("what {name} adds"),
            },
            ms_per_token: estimate,
            excess: excess.clone(),
            at: vec![AtLength {
                tokens: 30,
                ms_per_token: estimate,
                excess,
            }],
        }
    }

    fn data(layers: Vec<LadderLayer>) -> Data {
        Data::Ladder(LadderData {
            whole: None,
            ladder: LadderSettings {
                prompt: HOSTILE.into(),
                lengths: vec![30],
                repeats: 4,
            },
            layers,
        })
    }

    #[test]
    fn ladder_report_shows_added_time_per_layer() {
        let shown = Rendered::of(data(vec![
            layer("bare", 25.0, None),
            layer("worker", 25.0, Some(25.0)),
            layer("http", 40.0, Some(25.0)),
        ]));
        shown.has_row("bare | 25 | 25 | 25 | \u{2013} | \u{2013} | \u{2013} | \u{2013} | \u{2013}");
        shown.has_row("worker | 25 | 25 | 25 | 0 | 0 | 0 | 0 | no difference measured");
        shown.has_row("http | 40 | 40 | 40 | 15 | 15 | 15 | 60 | slower");
        assert!(shown.page.contains("<li>http: what http adds</li>"));
        assert_eq!(shown.page.matches("<figure").count(), 4);
        assert!(
            shown
                .csv("ladder.csv")
                .ends_with("http,30,40,40,40,15,15,15,60,slower\r\n")
        );
    }

    #[test]
    fn ladder_report_is_written_without_layers() {
        assert!(Rendered::of(data(Vec::new())).files.is_empty());
    }
}
