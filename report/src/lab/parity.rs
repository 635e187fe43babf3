//! Report of `parity`.

use llamaglass_lab::experiments::parity::{EVERY, ParityData};

use super::part::{Item, Part};
use super::sheet::{Sheet, row};
use crate::number;

/// Builds the report of the result.
pub fn part(data: &ParityData) -> Part {
    let rows = rows(data);
    let verdict = match (data.pass, data.rows.is_empty()) {
        (true, _) => "Every row passes.",
        (false, true) => "Nothing was compared, so nothing passes.",
        (false, false) => "Not every row passes.",
    };
    Part {
        facts: vec![
            ("Dataset", data.dataset.clone()),
            ("Reference", data.reference.clone()),
            ("Bound of a logit\u{2019}s difference", number(data.bound)),
            (
                "Compared at positions",
                format!("every {EVERY}th and the last"),
            ),
        ],
        items: vec![Item::Text(verdict.into()), Item::Table(rows.clone())],
        files: vec![("parity", rows)],
    }
}

fn rows(data: &ParityData) -> Sheet {
    let columns = ["row | prompt and answer, tokens | positions | \
        largest difference of a logit | relative to the largest logit | within the bound | \
        picked, ids | first difference, index | passes"];
    let rows = data.rows.iter().enumerate().map(|(index, of)| {
        let passes = of.within && of.first_divergence.is_none();
        row![
            index + 1,
            of.ids,
            of.positions.len(),
            of.max_abs,
            of.max_rel,
            of.within,
            of.picked,
            of.first_divergence,
            passes,
        ]
    });
    Sheet::new("Rows", &columns).with(rows)
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;
    use llamaglass_lab::experiments::parity::ParityRow;
    use llamaglass_types::KvType;

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn row(max_abs: f64, first_divergence: Option<usize>) -> ParityRow {
        ParityRow {
            ids: 250,
            positions: vec![0, 100, 200, 249],
            max_abs: Some(max_abs),
            max_rel: Some(0.125),
            picked: 16,
            first_divergence,
            ..ParityRow::default()
        }
    }

    fn shown(rows: Vec<ParityRow>) -> Rendered {
        Rendered::of(Data::Parity(ParityData::of(
            HOSTILE.into(),
            "r".into(),
            KvType::F32,
            rows,
        )))
    }

    #[test]
    fn parity_report_shows_difference_per_row() {
        let one = shown(vec![row(0.25, None), row(0.0, Some(9)), row(0.0, None)]);
        one.has_row("1 | 250 | 4 | 0.250 | 0.125 | no | 16 | \u{2013} | no");
        one.has_row("2 | 250 | 4 | 0 | 0.125 | yes | 16 | 9 | no");
        one.has_row("3 | 250 | 4 | 0 | 0.125 | yes | 16 | \u{2013} | yes");
        assert!(one.page.contains("<p>Not every row passes.</p>"));
        assert_contains(one.csv("parity.csv"), "\r\n2,250,4,0,0.125,yes,16,9,no\r\n");
        assert!(
            shown(vec![row(0.0, None)])
                .page
                .contains("<p>Every row passes.</p>")
        );
        assert!(shown(Vec::new()).text.contains("Nothing was compared"));
    }
}
