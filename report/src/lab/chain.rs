//! Report of `chain`.

use llamaglass_lab::experiments::chain::{ChainData, ChainDiff, ChainNode};

use super::estimate;
use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{Flame, FlameRow};
use crate::{Figure, number};

/// Separator between the names of a path.
const WITHIN: &str = " > ";

/// Builds the report of the result.
pub fn part(data: &ChainData) -> Part {
    let with = data.with.as_deref().unwrap_or("second run");
    let runs = [("as it is", Some(&data.tree)), (with, data.second.as_ref())];
    let runs: Vec<(&str, &ChainNode)> = runs
        .into_iter()
        .filter_map(|(name, tree)| Some((name, tree?)))
        .collect();
    let flames = runs
        .iter()
        .map(|(name, tree)| flame(name, tree, data.requests));
    let mut items = vec![Item::Figures(flames.collect())];
    items.extend(data.diff.iter().flat_map(of_diff));
    items.extend(
        runs.iter()
            .map(|(name, tree)| Item::Tree(format!("Spans of a request, {name}"), indented(tree))),
    );
    let mut files = vec![("chain", flat(&runs))];
    files.extend(data.diff.as_ref().map(|diff| ("chain_diff", grown(diff))));
    let mut facts = vec![
        ("Dataset", data.dataset.clone()),
        ("Requests", number(data.requests as f64)),
        (
            "Not covered by spans",
            format!(
                "{} ms, {} % of the wall time",
                number(data.residue_ms),
                number(data.residue_share * 100.0)
            ),
        ),
    ];
    facts.extend(data.with.clone().map(|with| ("Second run with", with)));
    Part {
        facts,
        items,
        files,
    }
}

/// Draws the average request as a flame graph, from the outermost span to the innermost.
fn flame(name: &str, tree: &ChainNode, requests: usize) -> Figure {
    fn push(rows: &mut Vec<FlameRow>, node: &ChainNode, depth: usize, start: f64, requests: f64) {
        let width = node.total_ms / requests;
        rows.push(FlameRow {
            depth,
            start,
            width,
            name: node.name.clone(),
            value: format!("{} ms, {} %", number(width), number(node.share * 100.0)),
        });
        let mut start = start;
        for child in &node.children {
            push(rows, child, depth + 1, start, requests);
            start += child.total_ms / requests;
        }
    }
    let mut rows = Vec::new();
    push(&mut rows, tree, 0, 0.0, requests as f64);
    let drawing = Flame {
        title: format!("A request on average, {name}"),
        rows,
    };
    let caption = format!(
        "Widths are milliseconds per request, means of {} requests; the same span of all steps is one box.",
        number(requests as f64)
    );
    Figure::new(drawing, caption)
}

/// Headings of [`figures`].
const FIGURES: &str = "count | mean, ms | p50, ms | p90, ms | p99, ms | max, ms | share, %";

fn figures(of: &ChainNode) -> Vec<Cell> {
    row![
        of.count,
        of.mean_ms,
        of.p50_ms,
        of.p90_ms,
        of.p99_ms,
        of.max_ms,
        of.share * 100.0,
    ]
}

/// Calls `see` for every node, parents first, with the names from the root to the node.
fn walk<'a>(node: &'a ChainNode, path: &[&'a str], see: &mut dyn FnMut(&[&'a str], &'a ChainNode)) {
    let path = [path, &[&*node.name]].concat();
    see(&path, node);
    for child in &node.children {
        walk(child, &path, see);
    }
}

fn indented(tree: &ChainNode) -> String {
    let mut rows = Vec::new();
    walk(tree, &[], &mut |path, node| {
        let mut row = row!["  ".repeat(path.len() - 1) + &node.name];
        row.extend(figures(node));
        rows.push(row);
    });
    Sheet::new("", &["span", FIGURES]).with(rows).aligned()
}

fn flat(runs: &[(&str, &ChainNode)]) -> Sheet {
    let mut rows = Vec::new();
    for (run, tree) in runs {
        walk(tree, &[], &mut |path, node| {
            let mut row = row![path.join(WITHIN), *run];
            row.extend(figures(node));
            row.extend(row![node.total_ms, node.positions]);
            rows.push(row);
        });
    }
    let columns = ["path | run", FIGURES, "in all, ms | positions"];
    Sheet::new("chain", &columns).with(rows)
}

fn of_diff(diff: &ChainDiff) -> Vec<Item> {
    let columns = ["", "pairs", estimate::DIFFERENCE];
    let rows = diff.request.as_ref().map(|of| {
        let mut row = row!["a request", of.pairs.len()];
        row.extend(estimate::difference(Some(of)));
        row
    });
    let whole = Sheet::new("Whole requests", &columns).with(rows);
    let request = diff.request.iter();
    let mut remarks: Vec<String> = request
        .flat_map(|of| estimate::remarks("Requests", "ms", of))
        .collect();
    for of in &diff.spans {
        remarks.extend(estimate::remarks(
            &of.path.join(WITHIN),
            "ms/request",
            &of.a_request,
        ));
    }
    vec![
        Item::Table(whole),
        Item::Table(growth(diff)),
        Item::Table(each_time(diff)),
        Item::List(remarks),
    ]
}

/// Growth per request, largest first.
fn growth(diff: &ChainDiff) -> Sheet {
    let columns = ["span", estimate::DIFFERENCE];
    let rows = diff.spans.iter().map(|of| {
        let mut row = row![of.path.join(WITHIN)];
        row.extend(estimate::difference(Some(&of.a_request)));
        row
    });
    Sheet::new("Spans that grew, largest growth first", &columns).with(rows)
}

/// Occurrences, and growth per occurrence.
fn each_time(diff: &ChainDiff) -> Sheet {
    let columns = [
        "span | times a request before | times after | each before, ms | \
        each after, ms | growth of each, ms | positions before | positions after",
    ];
    let rows = diff.spans.iter().map(|of| {
        row![
            of.path.join(WITHIN),
            of.times[0],
            of.times[1],
            of.each_ms[0],
            of.each_ms[1],
            of.growth_each_ms,
            of.positions.map(|[before, _]| before),
            of.positions.map(|[_, after]| after),
        ]
    });
    Sheet::new("How often, and each time", &columns).with(rows)
}

/// Both growth tables side by side, for a file.
fn grown(diff: &ChainDiff) -> Sheet {
    let (mut sheet, each) = (growth(diff), each_time(diff));
    sheet.columns.extend(each.columns.into_iter().skip(1));
    for (row, each) in sheet.rows.iter_mut().zip(each.rows) {
        row.extend(each.into_iter().skip(1));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::experiments::chain::Growth;
    use llamaglass_lab::{Data, Difference};

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn node(name: &str, count: usize, total_ms: f64, children: Vec<ChainNode>) -> ChainNode {
        let mean = total_ms / count as f64;
        ChainNode {
            name: name.into(),
            count,
            total_ms,
            share: total_ms / 100.0,
            mean_ms: mean,
            p50_ms: mean,
            p90_ms: mean,
            p99_ms: mean,
            max_ms: mean,
            positions: None,
            children,
        }
    }

    fn data() -> ChainData {
        let gpu = node("gpu", 8, 60.0, Vec::new());
        let rest = node("rest", 8, 20.0, Vec::new());
        let decode = node("decode", 8, 80.0, vec![gpu, rest]);
        ChainData {
            dataset: HOSTILE.into(),
            requests: 2,
            residue_ms: 20.0,
            residue_share: 0.2,
            tree: node(
                "request",
                2,
                100.0,
                vec![node("queue", 2, 20.0, Vec::new()), decode],
            ),
            ..ChainData::default()
        }
    }

    #[test]
    fn chain_report_shows_spans_as_tree_chart_and_file() {
        let shown = Rendered::of(Data::Chain(Box::new(data())));
        for line in [
            "request      2      50       50       50       50       50       100\n",
            "  queue      2      10       10       10       10       10        20\n",
            "    gpu      8    7.50     7.50     7.50     7.50     7.50        60\n",
        ] {
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let indent = line.len() - line.trim_start().len();
            let found = shown.text.lines().find(|of| squeezed(of) == squeezed(line));
            let found = found.unwrap_or_else(|| panic!("{line}: {}", shown.text));
            assert_eq!(found.len() - found.trim_start().len(), indent);
            assert!(shown.page.contains(found));
        }
        // In a width of 880, `decode` starts at one fifth and takes 40 of 50 ms.
        assert_contains(&shown.page, "x=\"176.00\" y=\"24\" width=\"704.00\"");
        assert_contains(&shown.page, "<title>gpu: 30 ms, 60 %</title>");
        let file = shown.csv("chain.csv");
        assert_contains(
            file,
            "\r\nrequest > decode > gpu,as it is,8,7.5,7.5,7.5,7.5,7.5,60,60,\r\n",
        );
    }

    #[test]
    fn chain_report_lists_largest_growth_first() {
        let grew = |name: &str, ms: f64| Growth {
            path: vec!["decode".into(), name.into()],
            a_request: Difference::of(&[[2.0, 2.0 + ms]; 3]).expect("pairs"),
            times: [4.0, 4.0],
            each_ms: [0.5, 0.5 + ms / 4.0],
            growth_each_ms: ms / 4.0,
            positions: Some([4.0, 16.0]),
        };
        let shown = Rendered::of(Data::Chain(Box::new(ChainData {
            with: Some(HOSTILE.into()),
            diff: Some(ChainDiff {
                steps: Vec::new(),
                request: Difference::of(&[[50.0, 57.0]; 3]),
                spans: vec![grew("plan", 7.0), grew("gpu", 0.0)],
            }),
            second: Some(data().tree),
            ..data()
        })));
        shown.has_row("a request | 3 | 50 | 57 | 7 | 7 | 7 | 14 | slower");
        shown.has_row("decode > plan | 2 | 9 | 7 | 7 | 7 | 350 | slower");
        shown.has_row("decode > plan | 4 | 4 | 0.500 | 2.25 | 1.75 | 4 | 16");
        let same = shown.page.find("no difference measured").expect("said");
        assert!(shown.page.find("decode &gt; plan") < Some(same));
        assert_contains(
            shown.csv("chain_diff.csv"),
            "\r\ndecode > plan,2,9,7,7,7,350,slower,4,4,0.5,2.25,1.75,4,16\r\n",
        );
        assert_eq!(shown.csv("chain.csv").lines().count(), 11);
    }

    #[test]
    fn chain_report_is_written_without_requests() {
        Rendered::of(Data::Chain(Box::default()));
    }
}
