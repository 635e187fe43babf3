//! Report of `stats`.

use llamaglass_lab::experiments::lengths::{LengthFigures, StatsData};

use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{Chart, Histogram, Mark, Series};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &StatsData) -> Part {
    let rows = lengths(data);
    Part {
        facts: vec![
            ("Dataset", data.dataset.clone()),
            ("Rows", number(data.rows as f64)),
            (
                "Rows with a reference answer",
                number(data.rows_with_output as f64),
            ),
            (
                "Longest row, prompt and answer",
                format!("{} tokens", number(data.longest as f64)),
            ),
        ],
        items: vec![
            Item::Figures(figures(data)),
            Item::Table(summary(data)),
            Item::Table(rows.clone()),
        ],
        files: vec![("stats", rows)],
    }
}

fn inputs(data: &StatsData) -> Vec<f64> {
    data.lengths.iter().map(|row| row.0 as f64).collect()
}

fn outputs(data: &StatsData) -> Vec<f64> {
    data.lengths
        .iter()
        .filter_map(|row| Some(row.1? as f64))
        .collect()
}

fn figures(data: &StatsData) -> Vec<Figure> {
    let histogram = |title: &str, y: &str, values: Vec<f64>| {
        let caption = format!("{} of them.", number(values.len() as f64));
        let drawing = Histogram {
            title: title.into(),
            x: "tokens".into(),
            y: y.into(),
            values,
        };
        Figure::new(drawing, caption)
    };
    let sorted = |name: &str, mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let points = values.into_iter().enumerate();
        Series::new(
            name,
            Mark::Line,
            points
                .map(|(index, tokens)| ((index + 1) as f64, tokens))
                .collect(),
        )
    };
    let lines = Chart::new(
        "Lengths, sorted",
        "rows of at most this length",
        "tokens",
        vec![
            sorted("prompts", inputs(data)),
            sorted("reference answers", outputs(data)),
        ],
    );
    vec![
        histogram("Prompts", "prompts", inputs(data)),
        histogram("Reference answers", "answers", outputs(data)),
        Figure::new(lines, "Prompts and answers are sorted separately."),
    ]
}

fn summary(data: &StatsData) -> Sheet {
    let columns = [
        "tokens of | max | min | mean | median | mode | variance, tokens\u{b2} | \
        standard deviation",
    ];
    let figures = |name: &str, of: &LengthFigures| -> Vec<Cell> {
        row![
            name,
            of.max,
            of.min,
            of.mean,
            of.median,
            of.mode,
            of.variance,
            of.std
        ]
    };
    let rows = [
        (data.rows, figures("prompts", &data.input_tokens)),
        (
            data.rows_with_output,
            figures("reference answers", &data.output_tokens),
        ),
    ];
    let rows = rows.into_iter().filter(|(count, _)| *count > 0);
    Sheet::new("Figures", &columns).with(rows.map(|(_, row)| row))
}

fn lengths(data: &StatsData) -> Sheet {
    let rows = data.lengths.iter().enumerate();
    let rows = rows.map(|(index, (input, output))| row![index + 1, *input, *output]);
    let columns = ["row", "prompt, tokens", "reference answer, tokens"];
    Sheet::new("Rows", &columns).with(rows)
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered};

    #[test]
    fn stats_report_shows_counted_lengths() {
        // Prompts have a mean of 5 and a variance of (4 + 1 + 9) / 3; answers are 10 and 20.
        let lengths = vec![(3, Some(10)), (4, None), (8, Some(20))];
        let shown = Rendered::of(Data::Stats(StatsData::of_lengths(HOSTILE.into(), lengths)));
        shown.has_row("prompts | 8 | 3 | 5 | 4 | 3 | 4.67 | 2.16");
        shown.has_row("reference answers | 20 | 10 | 15 | 15 | 10 | 25 | 5");
        assert_eq!(
            shown.csv("stats.csv"),
            "row,prompt_tokens,reference_answer_tokens\r\n1,3,10\r\n2,4,\r\n3,8,20\r\n"
        );
        assert!(shown.page.contains("<dd>28 tokens</dd>"));
        assert_eq!(shown.page.matches("<figure").count(), 3);
    }

    #[test]
    fn more_than_40_rows_are_collapsed() {
        let of = |rows| {
            Rendered::of(Data::Stats(StatsData::of_lengths(
                "d".into(),
                vec![(1, None); rows],
            )))
        };
        assert!(!of(40).page.contains("<details>"));
        let many = of(41);
        assert!(many.page.contains("<summary>Rows: 41 rows</summary>"));
        assert!(many.text.contains("Rows: 41 rows, not shown here"));
    }

    #[test]
    fn stats_report_is_written_for_empty_dataset() {
        let shown = Rendered::of(Data::Stats(StatsData::of_lengths(
            String::new(),
            Vec::new(),
        )));
        assert!(shown.files.is_empty());
    }
}
