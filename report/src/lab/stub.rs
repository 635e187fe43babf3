//! Report of `stub`.

use llamaglass_lab::Drift;
use llamaglass_lab::StubLevel;
use llamaglass_lab::experiments::stub::{StubCell, StubData};

use super::estimate;
use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{BarSeries, Bars};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &StubData) -> Part {
    let settings = &data.stub_runs;
    let loads = settings.loads.iter();
    let loads = loads.map(|of| format!("{} for {} s", number(of.qps), number(of.duration_s)));
    let places = settings.levels.iter();
    let places = places.map(|level| format!("Level {level}: the path ends {}.", level.place()));
    let added = data
        .levels
        .iter()
        .filter_map(|of| Some((of, of.added_ms.as_ref()?)));
    let mut remarks: Vec<String> = drifts(data).collect();
    for (of, added) in added {
        let name = format!("Level {}, {}", of.level, way(of.stream));
        remarks.extend(estimate::remarks(&name, "ms/request", added));
    }
    let cells = cells(data);
    Part {
        facts: vec![
            ("Loads, requests/s", loads.collect::<Vec<String>>().join("; ")),
            ("Runs of each", number(settings.repeats as f64)),
            ("Maximum tokens per answer", number(settings.tokens as f64)),
        ],
        items: vec![
            Item::Note(
                "Below level 100, answers are stubs or come from random weights; they are not real answers.".into(),
            ),
            Item::Figures(vec![
                figure(data, "What each level adds to the one before, without the model", |level| {
                    level <= StubLevel::FirstKernel
                }),
                figure(data, "What the model adds to it", |level| level > StubLevel::FirstKernel),
            ]),
            Item::Table(levels(data)),
            Item::List(places.collect()),
            Item::List(remarks),
            Item::Table(cells.clone()),
        ],
        files: vec![("stub", cells)],
    }
}

const fn way(stream: bool) -> &'static str {
    if stream { "streamed" } else { "whole" }
}

/// Draws the levels that `which` selects: next to the model, the costs before it would be too small to see.
fn figure(data: &StubData, title: &str, which: fn(StubLevel) -> bool) -> Figure {
    let levels = data.stub_runs.levels.iter().copied();
    let levels: Vec<StubLevel> = levels.filter(|level| which(*level)).collect();
    let series = [true, false].map(|stream| {
        let bar = |level: &StubLevel| {
            let of = data
                .levels
                .iter()
                .find(|of| of.level == *level && of.stream == stream)?;
            of.added_ms.as_ref().map(estimate::bar)
        };
        BarSeries::new(way(stream), levels.iter().map(bar).collect())
    });
    let drawing = Bars {
        title: title.into(),
        x: "ms/request".into(),
        unit: "ms".into(),
        categories: levels
            .iter()
            .map(|level| format!("level {level}"))
            .collect(),
        series: series.into(),
        stacked: false,
    };
    let caption = "Medians of pairs of the same load and repeat, with 95 % intervals. Where one holds 0, no \
                   difference was measured.";
    Figure::new(drawing, caption)
}

fn levels(data: &StubData) -> Sheet {
    let columns = "level | answers | median request, ms | 95 % from, ms | 95 % to, ms";
    let rows = data.levels.iter().map(|of| {
        let mut row = row![of.level.to_string(), way(of.stream)];
        row.extend(estimate::cells(of.request_ms));
        row.extend(estimate::added(of.added_ms.as_ref()));
        row
    });
    Sheet::new("Levels, a request", &[columns, estimate::ADDED]).with(rows)
}

fn cells(data: &StubData) -> Sheet {
    let columns = [
        "level | requests/s | duration, s | answers | requested | fewest completed | \
        runs | least execution, s | median execution, s | drift, % | drifts",
    ];
    let rows = data.cells.iter().map(|of| -> Vec<Cell> {
        row![
            of.level.to_string(),
            of.load.qps,
            of.load.duration_s,
            way(of.stream),
            of.requested,
            of.completed.iter().min().copied(),
            of.execution_s.len(),
            of.min_s,
            of.median_s,
            of.drift.map(|drift| drift.percent),
            of.drift.map(|drift| drift.is_drifting()),
        ]
    });
    Sheet::new("Levels under each load", &columns).with(rows)
}

fn drifts(data: &StubData) -> impl Iterator<Item = String> {
    let drifting = |cell: &StubCell| {
        let drift = cell.drift.filter(Drift::is_drifting)?;
        let StubCell {
            level,
            load,
            stream,
            ..
        } = cell;
        let (qps, way) = (number(load.qps), way(*stream));
        let drifts = estimate::drifts(drift);
        Some(format!(
            "Level {level} at {qps} requests per second, {way}, {drifts}."
        ))
    };
    data.cells.iter().filter_map(drifting)
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;
    use llamaglass_lab::experiments::stub::{StubLoad, StubRun, StubSettings};

    use super::*;
    use crate::lab::fixture::Rendered;

    const LOAD: StubLoad = StubLoad {
        qps: 10.0,
        duration_s: 3.0,
    };

    fn cell(level: StubLevel, times_ms: [f64; 5]) -> StubCell {
        let run = |request_ms: f64| StubRun {
            requested: 30,
            completed: 29,
            execution_s: 3.0 + request_ms / 1e3,
            request_ms,
        };
        StubCell::of(level, LOAD, true, &times_ms.map(run))
    }

    fn data(cells: Vec<StubCell>) -> Data {
        let settings = StubSettings {
            levels: vec![StubLevel::Handler, StubLevel::Message],
            loads: vec![LOAD],
            repeats: 5,
            tokens: 16,
        };
        Data::Stub(StubData::of(settings, cells))
    }

    #[test]
    fn stub_report_shows_added_time_per_level() {
        let shown = Rendered::of(data(vec![
            cell(StubLevel::Handler, [1.0; 5]),
            cell(StubLevel::Message, [1.5; 5]),
        ]));
        shown.has_row(
            "1 | streamed | 1 | 1 | 1 | \u{2013} | \u{2013} | \u{2013} | \u{2013} | \u{2013}",
        );
        shown.has_row("4 | streamed | 1.50 | 1.50 | 1.50 | 0.500 | 0.500 | 0.500 | 50 | slower");
        shown.has_row("1 | 10 | 3 | streamed | 30 | 29 | 5 | 3.00 | 3.00 | 0 | no");
        let file = shown.csv("stub.csv");
        assert!(
            file.ends_with("\r\n4,10,3,streamed,30,29,5,3.0015,3.0015,0,no\r\n"),
            "{file}"
        );
        assert!(shown.page.contains("not real answers"));
    }

    #[test]
    fn stub_report_mentions_drift() {
        // A drift of 40 relative to a median of 120.
        let shown = Rendered::of(data(vec![cell(
            StubLevel::Handler,
            [100.0, 110.0, 120.0, 130.0, 140.0],
        )]));
        let said = "Level 1 at 10 requests per second, streamed, drifted from the first repeat to the last: 33.3 % slower.";
        assert!(
            shown.page.contains(said) && shown.text.contains(said),
            "{}",
            shown.text
        );
    }

    #[test]
    fn stub_report_is_written_without_runs() {
        assert!(Rendered::of(data(Vec::new())).files.is_empty());
    }
}
