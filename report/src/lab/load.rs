//! Report of `load`.

use llamaglass_lab::experiments::load::{LoadData, LoadRun};
use llamaglass_types::stats::Distribution;

use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::Figure;
use crate::plot::{Chart, Mark, Series};

/// Builds the report of the result.
pub fn part(data: &LoadData) -> Part {
    let incomplete = data.runs.iter().filter(|run| !run.is_complete());
    let incomplete = incomplete.map(|run| {
        let LoadRun { requested, completed, qps, .. } = run;
        let qps = crate::number(*qps);
        format!("At {qps} requests per second, only {completed} of {requested} were answered: the run failed.")
    });
    let mut items: Vec<Item> = incomplete.map(Item::Note).collect();
    items.extend([
        Item::Figures(figures(data)),
        Item::Table(sweep(data)),
        Item::Table(latencies(data)),
        Item::Text(
            "TTFT and total count from when a request was due, so lateness is included; the queue is measured \
             by the server\u{2019}s clock. The client\u{2019}s floor is the time that the client itself adds to an \
             answer."
                .into(),
        ),
        Item::Table(errors(data)),
    ]);
    Part {
        facts: vec![
            ("Target", data.target.clone()),
            ("Dataset", data.dataset.clone()),
        ],
        items,
        files: vec![("load", file(data))],
    }
}

/// Headings of a run, without its latencies.
const RUN: &str = "requests/s | duration, s | arrivals | streamed | requested | completed | execution, s | \
    tokens | ms/token | client\u{2019}s floor, ms";

fn run(of: &LoadRun) -> Vec<Cell> {
    row![
        of.qps,
        of.duration_s,
        of.arrivals.name(),
        of.stream,
        of.requested,
        of.completed,
        of.execution_s,
        of.tokens,
        of.ms_per_token,
        of.client_floor_ms,
    ]
}

/// Name of a latency, and its distribution in a run.
type Latency = (&'static str, fn(&LoadRun) -> Option<Distribution>);

const LATENCIES: [Latency; 4] = [
    ("first token", |of| of.ttft_ms),
    ("end to end", |of| of.e2e_ms),
    ("token to token", |of| of.itl_ms),
    ("queue", |of| of.queue_ms),
];

const PARTS: [&str; 5] = ["mean", "p50", "p90", "p99", "max"];

fn parts(of: &Distribution) -> [f64; 5] {
    [of.mean, of.p50, of.p90, of.p99, of.max]
}

fn sweep(data: &LoadData) -> Sheet {
    Sheet::new("Rates", &[RUN]).with(data.runs.iter().map(run))
}

fn latencies(data: &LoadData) -> Sheet {
    let columns = [
        "latency | requests/s | mean, ms | p50, ms | p90, ms | p99, ms | max, ms | \
        values",
    ];
    let rows = LATENCIES.iter().flat_map(|(name, of)| {
        data.runs.iter().filter_map(move |run| {
            let of = of(run)?;
            let mut row = row![*name, run.qps];
            row.extend(parts(&of).map(Cell::from));
            row.push(Cell::from(of.count));
            Some(row)
        })
    });
    Sheet::new("Latencies", &columns).with(rows)
}

/// Builds the CSV file, with one row per rate.
fn file(data: &LoadData) -> Sheet {
    let latencies = LATENCIES
        .iter()
        .flat_map(|(name, _)| PARTS.map(|part| format!("{name} {part}, ms")));
    let latencies: Vec<String> = latencies.collect();
    let rows = data.runs.iter().map(|of| {
        let mut row = run(of);
        for (_, latency) in LATENCIES {
            match latency(of) {
                Some(latency) => row.extend(parts(&latency).map(Cell::from)),
                None => row.extend([const { Cell::Empty }; PARTS.len()]),
            }
        }
        row
    });
    Sheet::new("load", &[RUN, &latencies.join(" | ")]).with(rows)
}

fn errors(data: &LoadData) -> Sheet {
    let rows = data.runs.iter().flat_map(|run| {
        let errors = run.errors.iter();
        errors.map(|(words, count)| row![words.clone(), run.qps, *count])
    });
    Sheet::new("Errors", &["reason", "requests/s", "requests"]).with(rows)
}

fn figures(data: &LoadData) -> Vec<Figure> {
    let figure = |title: &str, of: fn(&LoadRun) -> Option<Distribution>| {
        let series = |name: &str, part: fn(&Distribution) -> f64| {
            let points = data
                .runs
                .iter()
                .filter_map(|run| Some((run.qps, part(&of(run)?))));
            let mut points: Vec<(f64, f64)> = points.collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Series::new(name, Mark::LineWithPoints, points)
        };
        let drawing = Chart::new(
            title,
            "requests/s",
            "ms",
            vec![series("p50", |of| of.p50), series("p99", |of| of.p99)],
        );
        Figure::new(drawing, "Requests with a complete answer.")
    };
    vec![
        figure("To the first token", |of| of.ttft_ms),
        figure("End to end", |of| of.e2e_ms),
    ]
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::{Arrivals, Data};

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn run(qps: f64, completed: usize) -> LoadRun {
        LoadRun {
            qps,
            duration_s: 3.0,
            arrivals: Arrivals::Poisson,
            stream: true,
            requested: 30,
            completed,
            execution_s: Some(3.25),
            tokens: 480,
            ms_per_token: Some(35.81),
            ttft_ms: Distribution::of(&[100.0, 200.0, 600.0]),
            e2e_ms: Distribution::of(&[1000.0, 1500.0, 2000.0]),
            itl_ms: None,
            queue_ms: None,
            client_floor_ms: Some(0.5),
            errors: vec![(HOSTILE.into(), 30 - completed)],
        }
    }

    #[test]
    fn load_report_shows_latencies_per_rate() {
        let shown = Rendered::of(Data::Load(LoadData {
            target: HOSTILE.into(),
            dataset: "d".into(),
            runs: vec![run(10.0, 28)],
        }));
        shown.has_row("10 | 3 | poisson | yes | 30 | 28 | 3.25 | 480 | 35.8 | 0.500");
        let of = Distribution::of(&[100.0, 200.0, 600.0]).expect("values");
        assert_eq!((of.mean, of.p50, of.max), (300.0, 200.0, 600.0));
        assert_contains(
            &shown.page,
            "<th scope=\"row\">first token</th><td>10</td><td>300</td><td>200</td>",
        );
        assert!(shown.text.contains("only 28 of 30 were answered"));
        let file = shown.csv("load.csv");
        assert!(
            file.starts_with("requests_per_s,duration_s,arrivals,streamed,requested,completed,"),
            "{file}"
        );
        assert_contains(file, "first_token_mean_ms,first_token_p50_ms");
        let line = file.lines().nth(1).expect("a row");
        assert!(
            line.starts_with("10,3,poisson,yes,30,28,3.25,480,35.81,0.5,300,200,"),
            "{line}"
        );
        assert!(line.ends_with(",,,,,,,,,,"), "{line}");
    }

    #[test]
    fn load_report_is_written_without_answers() {
        Rendered::of(Data::Load(LoadData::default()));
        let run = LoadRun {
            completed: 0,
            execution_s: None,
            ms_per_token: None,
            ttft_ms: None,
            e2e_ms: None,
            ..run(1.0, 0)
        };
        let runs = vec![run];
        Rendered::of(Data::Load(LoadData {
            runs,
            ..LoadData::default()
        }));
    }
}
