//! Report of `bare`.

use llamaglass_lab::experiments::bare::{BareData, BareRow};

use super::estimate;
use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{Chart, MAX_POINTS, Mark, Series};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &BareData) -> Part {
    let rows = data.rows.iter().enumerate();
    let rows = Sheet::new("Requests", &[COLUMNS]).with(rows.map(cells));
    let far = data.outliers.iter();
    let far = far.filter_map(|index| Some((*index, data.rows.get(*index)?)));
    let outliers = Sheet::new("Outliers", &[COLUMNS]).with(far.map(cells));
    let mut items = vec![
        Item::Figures(figures(data)),
        Item::Table(overall(data)),
        Item::Text(match outliers.rows.len() {
            0 => "No request is far from the others.".into(),
            far => format!("Requests far from the others: {far}. They still count."),
        }),
    ];
    items.extend([Item::Table(outliers), Item::Table(rows.clone())]);
    Part {
        facts: vec![
            ("Dataset", data.dataset.clone()),
            ("Requests", number(data.rows.len() as f64)),
        ],
        items,
        files: vec![("bare", rows)],
    }
}

const COLUMNS: &str = "row | prompt, tokens | answer, tokens | encode, ms | prefill, ms | decode, ms | \
    detokenize, ms | in all, ms";

fn cells((index, of): (usize, &BareRow)) -> Vec<Cell> {
    row![
        index + 1,
        of.input_tokens,
        of.output_tokens,
        of.encode_ms,
        of.prefill_ms,
        of.decode_ms,
        of.detokenize_ms,
        of.total_ms,
    ]
}

fn overall(data: &BareData) -> Sheet {
    let columns = [
        "in all, ms | answers, tokens | ms/token | median request, ms | \
        95 % from, ms | 95 % to, ms | slope, ms/token | intercept, ms/request | r\u{b2}",
    ];
    let mut row = row![data.total_ms, data.output_tokens, data.ms_per_token];
    row.extend(estimate::cells(data.request_ms));
    row.extend(row![
        data.fit.map(|fit| fit.slope),
        data.fit.map(|fit| fit.intercept),
        data.fit.map(|fit| fit.r2),
    ]);
    Sheet::new("All requests", &columns).with((!data.rows.is_empty()).then_some(row))
}

fn figures(data: &BareData) -> Vec<Figure> {
    let input = |of: &BareRow| of.input_tokens as f64;
    let output = |of: &BareRow| of.output_tokens as f64;
    let time = |of: &BareRow| of.total_ms;
    let chart = |title: &str, x: &str, y: &str, series: Vec<Series>| {
        let drawing = Chart::new(title, x, y, series);
        Figure::new(drawing, caption(data.rows.len()))
    };
    let (inputs, outputs) = ("prompt, tokens", "answer, tokens");
    let mut against = vec![requests(data, "requests", |_| true, (output, time))];
    let far = |index: usize| data.outliers.contains(&index);
    if !data.outliers.is_empty() {
        against = vec![
            requests(data, "requests", |index| !far(index), (output, time)),
            requests(data, "outliers", far, (output, time)),
        ];
    }
    if let Some(fit) = data.fit {
        let most = data.rows.iter().map(output).fold(0.0, f64::max);
        against.push(Series::new(
            format!(
                "{} ms + {} ms/token",
                number(fit.intercept),
                number(fit.slope)
            ),
            Mark::Line,
            vec![(0.0, fit.intercept), (most, fit.at(most))],
        ));
    }
    let all = |of| vec![requests(data, "requests", |_| true, of)];
    vec![
        chart("Time against prompt", inputs, "ms", all((input, time))),
        chart(
            "Answer against prompt",
            inputs,
            outputs,
            all((input, output)),
        ),
        chart("Time against answer", outputs, "ms", against),
    ]
}

fn caption(count: usize) -> String {
    match count {
        few @ ..=MAX_POINTS => format!("A point for each of {} requests.", number(few as f64)),
        many => format!("At most {MAX_POINTS} of {many} requests, evenly chosen."),
    }
}

/// Values of a row on the x and the y axis.
type Axes = (fn(&BareRow) -> f64, fn(&BareRow) -> f64);

fn requests(data: &BareData, name: &str, which: impl Fn(usize) -> bool, (x, y): Axes) -> Series {
    let rows = data
        .rows
        .iter()
        .enumerate()
        .filter(|(index, _)| which(*index));
    Series::new(
        name,
        Mark::Points,
        rows.map(|(_, of)| (x(of), y(of))).collect(),
    )
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn of(output_tokens: usize, total_ms: f64) -> BareRow {
        BareRow {
            input_tokens: 12,
            output_tokens,
            encode_ms: 0.25,
            prefill_ms: 20.5,
            decode_ms: total_ms - 21.25,
            detokenize_ms: 0.5,
            total_ms,
        }
    }

    #[test]
    fn bare_report_shows_requests_and_fitted_line() {
        // 25 ms plus 10 ms per token; in the second page, the fourth request took 700 ms longer.
        let rows: Vec<BareRow> = (1..=9)
            .map(|n| of(10 * n, 25.0 + 100.0 * n as f64))
            .collect();
        let straight = Rendered::of(Data::Bare(BareData::of(HOSTILE.into(), rows.clone())));
        // 9 x 25 ms plus 45 x 100 ms, over 450 tokens.
        assert_contains(&straight.text, "10.5 ms/token over 450 tokens");
        assert!(
            straight.page.contains("25 ms + 10 ms/token</li>")
                || straight.page.contains("25.0 ms + 10.0 ms/token</li>")
        );
        straight.has_row("1 | 12 | 10 | 0.250 | 20.5 | 104 | 0.500 | 125");
        assert_contains(
            straight.csv("bare.csv"),
            "\r\n9,12,90,0.25,20.5,903.75,0.5,925\r\n",
        );
        assert!(straight.page.contains("No request is far from the others."));
        let mut cold = rows;
        cold[3].total_ms += 700.0;
        let cold = Rendered::of(Data::Bare(BareData::of("d".into(), cold)));
        assert!(
            cold.page.contains("Requests far from the others: 1.")
                && cold.page.contains("outliers</li>")
        );
        cold.has_row("4 | 12 | 40 | 0.250 | 20.5 | 404 | 0.500 | 1,125");
    }

    #[test]
    fn bare_report_is_written_without_requests_or_fit() {
        Rendered::of(Data::Bare(BareData::default()));
        let shown = Rendered::of(Data::Bare(BareData::of("d".into(), vec![of(5, 75.0)])));
        shown.has_row("75 | 5 | 15 | 75 | \u{2013} | \u{2013} | \u{2013} | \u{2013} | \u{2013}");
    }
}
