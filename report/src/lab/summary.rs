//! Summary of all experiments.

use llamaglass_lab::{Experiment, Summary, TokenBar};

use super::part::Item;
use super::sheet::{Sheet, row};
use crate::plot::{Bar, BarSeries, Bars};
use crate::{Figure, Page, ReportError};

/// Appends the summary to `page`.
pub fn show(summary: &Summary, page: &mut Page) -> Result<(), ReportError> {
    let mut findings = summary.findings.iter().map(|of| &*of.text);
    if let Some(first) = findings.next() {
        page.lead(first);
    }
    picture(summary, page)?;
    page.list(findings);
    tables(summary, page)
}

/// Appends the summary without its sentences, for a page that already shows them.
pub fn show_figures(summary: &Summary, page: &mut Page) -> Result<(), ReportError> {
    picture(summary, page)?;
    tables(summary, page)
}

fn picture(summary: &Summary, page: &mut Page) -> Result<(), ReportError> {
    page.figures(&[Figure::new(
        bars(&summary.token),
        "A part of less than 0 ms shortens its bar. Layers whose difference can't be told from 0 are in the rest.",
    )])
}

fn tables(summary: &Summary, page: &mut Page) -> Result<(), ReportError> {
    Item::Table(overheads(summary)).show(page)?;
    Item::Table(roofline(summary)).show(page)?;
    Item::Details(parts(&summary.token)).show(page)
}

/// Returns the names of all parts without duplicates, keeping the order within each bar where possible.
fn part_names(token: &[TokenBar]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for bar in token {
        for (index, (name, _)) in bar.parts.iter().enumerate() {
            if names.contains(&&**name) {
                continue;
            }
            let mut following = bar.parts[index..].iter();
            let before = following.find_map(|(next, _)| names.iter().position(|of| of == next));
            names.insert(before.unwrap_or(names.len()), name);
        }
    }
    names
}

fn bars(token: &[TokenBar]) -> Bars {
    let names = part_names(token);
    let series = names.into_iter().map(|name| {
        let of = |bar: &TokenBar| {
            let part = bar.parts.iter().find(|part| part.0 == name)?;
            Some(Bar::from(part.1))
        };
        BarSeries::new(name, token.iter().map(of).collect())
    });
    Bars {
        title: "Parts of a token\u{2019}s time".into(),
        x: "ms/token".into(),
        unit: "ms".into(),
        categories: token.iter().map(|bar| bar.name.clone()).collect(),
        series: series.collect(),
        stacked: true,
    }
}

fn overheads(summary: &Summary) -> Sheet {
    let columns = ["overhead", "ms/token", "share of a token, %", "experiment"];
    let rows = summary.overheads.iter();
    Sheet::new("The largest overheads", &columns).with(rows.map(|of| {
        row![
            of.name.clone(),
            of.ms_per_token,
            of.percent,
            of.experiment.name()
        ]
    }))
}

fn parts(token: &[TokenBar]) -> Sheet {
    let rows = token.iter().flat_map(|bar| {
        let experiment = bar.experiment.map(Experiment::name);
        let parts = bar
            .parts
            .iter()
            .map(move |(name, ms)| row![bar.name.clone(), name.clone(), *ms, experiment]);
        parts.chain([row![bar.name.clone(), "in all", bar.total_ms, experiment]])
    });
    Sheet::new(
        "Parts of a token",
        &["through", "part", "ms/token", "experiment"],
    )
    .with(rows)
}

fn roofline(summary: &Summary) -> Sheet {
    let columns = ["", "of what the device can do, %", "ms to gain"];
    let rows = summary.roofline_share.map(|share| {
        row![
            "kernels of a decode step",
            share * 100.0,
            summary.headroom_ms
        ]
    });
    Sheet::new("The device", &columns).with(rows)
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::experiments::chain::{ChainData, ChainNode};
    use llamaglass_lab::experiments::ladder::{LadderData, LadderLayer, LadderSettings, Layer};
    use llamaglass_lab::{Data, Difference, Estimate, LabResult};

    use super::*;
    use crate::lab::fixture::{HOSTILE, assert_contains, machine, result};
    use crate::lab::{overview, report};

    fn layer(name: &str, ms: f64, excess: Option<Difference>) -> LadderLayer {
        LadderLayer {
            layer: Layer {
                name: name.into(),
                adds: String::new(),
            },
            ms_per_token: Estimate::of(&[ms; 3]).expect("values"),
            excess,
            at: Vec::new(),
        }
    }

    fn results() -> Vec<LabResult> {
        let ladder = LadderData {
            whole: Difference::of(&[[25.0, 40.0]; 3]),
            ladder: LadderSettings {
                prompt: HOSTILE.into(),
                lengths: vec![30],
                repeats: 3,
            },
            layers: vec![
                layer("bare loop", 25.0, None),
                layer(HOSTILE, 40.0, Difference::of(&[[25.0, 40.0]; 3])),
            ],
        };
        let stage = |name: &str, total_ms| ChainNode {
            name: name.into(),
            count: 4,
            total_ms,
            mean_ms: total_ms / 4.0,
            ..ChainNode::default()
        };
        let decode = ChainNode {
            children: vec![stage("forward", 80.0), stage("sampling", 8.0)],
            ..stage("decode", 88.0)
        };
        let tree = ChainNode {
            children: vec![decode],
            ..stage("request", 88.0)
        };
        let chain = ChainData {
            tree,
            ..ChainData::default()
        };
        let data = [Data::Ladder(ladder), Data::Chain(Box::new(chain))];
        data.map(|data| result(Some(machine()), data)).into()
    }

    #[test]
    fn report_starts_with_summary_and_links_to_every_part() {
        let results = results();
        let html = report(&results, &Summary::of(&results)).expect("draws");
        let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
        let lead = at(
            "<p class=\"lead\">A token takes 25 ms in the bare engine and 40 ms through the whole shell: in pairs, 15 ms more.</p>",
        );
        let picture = at("aria-label=\"Parts of a token\u{2019}s time\"");
        let overhead = at("<td>15</td><td>37.5</td><td>ladder</td>");
        let contents = at("<nav");
        let ladder = at("<h2 id=\"ladder\" class=\"part\">Layer by layer</h2>");
        let chain = at("<h2 id=\"chain\" class=\"part\">The call chain</h2>");
        assert!([lead, picture, overhead, contents, ladder, chain].is_sorted());
        at("<a href=\"#chain\">The call chain</a>");
        // Four steps take 88 ms, 8 of them in sampling.
        at("<tr><th scope=\"row\">decode step</th><td>sampling</td><td>2</td><td>chain</td></tr>");
        at("<tr><th scope=\"row\">decode step</th><td>in all</td><td>22</td><td>chain</td></tr>");
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn overview_has_plot_but_no_sentences_or_parts() {
        let html = overview(&Summary::of(&results())).expect("draws");
        assert_contains(&html, "aria-label=\"Parts of a token\u{2019}s time\"");
        assert!(
            ["<nav", "class=\"part\"", "class=\"lead\""]
                .iter()
                .all(|other| !html.contains(other)),
            "{html}"
        );
    }

    #[test]
    fn parts_are_stacked_in_the_order_of_their_bar() {
        let bar = |name: &str, parts: &[&str]| TokenBar {
            name: name.into(),
            parts: parts.iter().map(|part| ((*part).into(), 1.0)).collect(),
            ..TokenBar::default()
        };
        let bars = [
            bar("decode step", &["forward", "text", "rest"]),
            bar("shell", &["bare", "text", "http", "rest"]),
        ];
        let names = part_names(&bars);
        assert_eq!(names, ["forward", "bare", "text", "http", "rest"]);
    }

    #[test]
    fn report_is_written_without_results() {
        let html = report(&[], &Summary::of(&[])).expect("draws nothing");
        assert!(
            !html.contains("<figure") && !html.contains("<table"),
            "{html}"
        );
    }
}
