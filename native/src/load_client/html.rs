//! The sweep as an HTML report. Every number in it is in the results.

use anyhow::Result;
use llamaglass_engine::stats::{Distribution, percentile};
use llamaglass_lab::StubLevel;
use llamaglass_report::plot::{Chart, MAX_POINTS, Mark, Series};
use llamaglass_report::{Figure, Page, Table, clock, date, number};

use super::figures::{Figures, NamedFigure};
use super::result::LoadResult;
use super::sample::Sample;

/// Returns the report on the runs of one sweep.
pub fn page(results: &[LoadResult]) -> Result<String> {
    let Some(first) = results.first() else {
        return Ok(Page::new("Load").finish());
    };
    let mut page = Page::new(&format!("Load on {}", first.model));
    page.facts(&facts(first));
    page.section("Rates");
    page.table(&rates(results));
    for result in results.iter().filter(|result| !result.is_complete()) {
        errors(&mut page, result);
    }
    page.section("Latencies");
    page.text(
        "In milliseconds. First text and end to end count from when a request was to be sent, so that \
         what the client was late is in them; \u{201c}from send\u{201d} leaves that out. Several pieces of a \
         stream may come at once: then the time from text to text is 0.",
    );
    page.table(&latencies(results, |result| Some(&result.figures)));
    if results.len() > 1 {
        page.section("Against the rate");
        page.figures(&against_rate(results))?;
    }
    page.section("Over time");
    for result in results {
        page.figures(&over_time(result))?;
    }
    page.section("Distributions");
    page.figures(&distributions(results))?;
    page.section("The client itself");
    client(&mut page, results);
    Ok(page.finish())
}

fn facts(result: &LoadResult) -> Vec<(&'static str, String)> {
    let settings = &result.settings;
    let request = settings.request;
    let yes = |value: bool| if value { "yes" } else { "no" }.to_owned();
    let answers = if request.stream {
        "streamed"
    } else {
        "as a whole"
    };
    let mut facts = vec![
        ("Model", result.model.clone()),
        ("Server", result.server.clone()),
        ("Program", result.program.clone()),
        ("Begun", date(result.begun_unix_s)),
        (
            "Dataset",
            format!("{}, {} rows", settings.dataset, settings.dataset_rows),
        ),
        (
            "Arrivals",
            format!("{}, seed {}", settings.arrivals.name(), request.seed),
        ),
        ("Duration of each run", format!("{} s", settings.duration_s)),
        ("Answers", answers.into()),
        ("Maximum tokens per answer", request.max_tokens.to_string()),
        ("Temperature", request.temperature.to_string()),
        ("Past end-of-sequence tokens", yes(request.ignore_eos)),
        ("Per-token timings requested", yes(request.timings)),
        ("Timeout per answer", format!("{} s", settings.timeout_s)),
        ("Clock", clock(&result.clock)),
    ];
    if let Some(server) = &result.server_clock {
        facts.push(("The server's clock", clock(server)));
    }
    let card = result
        .server_card
        .as_ref()
        .and_then(|card| card.get("llamaglass"));
    if let Some(runs) = card.and_then(|card| card.as_object()) {
        let said = runs.iter().filter_map(|(name, value)| {
            let value = value.as_str().filter(|value| !value.is_empty())?;
            Some(format!("{name} {value}"))
        });
        facts.push(("Runs on", said.collect::<Vec<_>>().join(", ")));
        let stub = runs.get("stub").cloned();
        let stub = stub.and_then(|level| serde_json::from_value::<StubLevel>(level).ok());
        if let Some(level) = stub.filter(|level| *level != StubLevel::Whole) {
            let place = level.place();
            facts.push((
                "Stub level",
                format!("{level}: the path of requests ends {place}"),
            ));
        }
    }
    facts
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), number)
}

fn rates(results: &[LoadResult]) -> Table {
    let rows = results.iter().map(|result| {
        let figures = &result.figures;
        vec![
            result.settings.qps_typed.clone(),
            result.completed.to_string(),
            result.requested.to_string(),
            optional(figures.execution_ms.map(|ms| ms / 1e3)),
            optional(figures.requests_per_s),
            figures.tokens.to_string(),
            optional(figures.tokens_per_s),
            optional(figures.ms_per_token),
        ]
    });
    let head =
        "target requests/s | answered | of | total s | requests/s | tokens | tokens/s | ms/token";
    Table::new(head, rows.collect())
}

fn errors(page: &mut Page, result: &LoadResult) {
    let stopped = if result.interrupted {
        " (the run was stopped)"
    } else {
        ""
    };
    page.text(&format!(
        "At {} requests/s, {} of {} requests have no complete answer{stopped}:",
        result.settings.qps_typed,
        result.requested - result.completed,
        result.requested,
    ));
    let rows = result.errors.iter();
    let rows = rows.map(|error| vec![error.words.clone(), error.count.to_string()]);
    page.table(&Table::new("reason | requests", rows.collect()));
}

/// Returns a table with one row per figure and rate.
fn latencies<'a>(
    results: &'a [LoadResult],
    of: impl Fn(&'a LoadResult) -> Option<&'a Figures>,
) -> Table {
    let mut rows = Vec::new();
    for (index, NamedFigure { label: name, .. }) in
        Figures::default().named().into_iter().enumerate()
    {
        for result in results {
            let Some(of) = of(result).and_then(|figures| figures.named()[index].ms) else {
                continue;
            };
            let mut row = vec![name.to_owned(), result.settings.qps_typed.clone()];
            row.extend([of.mean, of.p50, of.p90, of.p99, of.max].map(number));
            row.push(of.count.to_string());
            rows.push(row);
        }
    }
    Table::new(
        " | requests/s | mean | p50 | p90 | p99 | max | values",
        rows,
    )
}

fn against_rate(results: &[LoadResult]) -> Vec<Figure> {
    let figure = |title: &str, of: fn(&Figures) -> Option<Distribution>| {
        let series = |name: &str, part: fn(&Distribution) -> f64| {
            let points = results.iter().filter_map(|result| {
                let of = of(&result.figures)?;
                Some((result.settings.qps, part(&of)))
            });
            let mut points: Vec<(f64, f64)> = points.collect();
            points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            Series::new(name, Mark::LineWithPoints, points)
        };
        let series = vec![
            series("p50", |of| of.p50),
            series("p90", |of| of.p90),
            series("p99", |of| of.p99),
        ];
        Figure::new(Chart::new(title, "target requests/s", "ms", series), "")
    };
    vec![
        figure("First text", |figures| figures.from_schedule.ttft_ms),
        figure("End to end", |figures| figures.from_schedule.e2e_ms),
        figure("Text to text", |figures| figures.itl_ms),
        figure("The server\u{2019}s queue", |figures| {
            figures.server.queue_ms
        }),
    ]
}

fn over_time(result: &LoadResult) -> Vec<Figure> {
    let rate = &result.settings.qps_typed;
    let figure = |title: &str, of: fn(&Sample) -> Option<f64>| {
        let complete = result.requests.iter().filter(|of| Sample::is_complete(of));
        let points = complete.filter_map(|sample| Some((sample.scheduled_ms / 1e3, of(sample)?)));
        let points: Vec<(f64, f64)> = points.collect();
        let caption = match points.len() {
            few @ ..=MAX_POINTS => format!("A point for each of {few} answers."),
            many => format!("{MAX_POINTS} of {many} answers, evenly chosen."),
        };
        let series = vec![Series::new(title, Mark::Points, points)];
        let title = format!("{title} at {rate} requests/s");
        Figure::new(
            Chart::new(title, "when it was to be sent, s", "ms", series),
            caption,
        )
    };
    vec![
        figure("First text", Sample::ttft_ms),
        figure("End to end", Sample::e2e_ms),
    ]
}

fn distributions(results: &[LoadResult]) -> Vec<Figure> {
    let figure = |title: &str, of: fn(&Sample) -> Option<f64>| {
        let series = results.iter().map(|result| {
            let complete = result.requests.iter().filter(|of| Sample::is_complete(of));
            let values: Vec<f64> = complete.filter_map(of).collect();
            let share = (0..=100).filter_map(|share| {
                let share = f64::from(share);
                Some((percentile(&values, share)?, share))
            });
            let name = format!("{} requests/s", result.settings.qps_typed);
            Series::new(name, Mark::Line, share.collect())
        });
        let (title, y) = (format!("{title}, cumulative"), "% of answers within");
        Figure::new(Chart::new(title, "ms", y, series.collect()), "")
    };
    vec![
        figure("First text", Sample::ttft_ms),
        figure("End to end", Sample::e2e_ms),
    ]
}

fn client(page: &mut Page, results: &[LoadResult]) {
    let floors = results.iter().filter_map(|of| of.client.floor.as_ref());
    if let Some(floor) = floors.clone().next() {
        page.text(&format!(
            "The beginning of each plan against a server in the same program that answers at once, with {} \
             pieces. What is close to this says little about the server. In milliseconds.",
            floor.pieces,
        ));
        page.table(&latencies(results, |result| {
            result.client.floor.as_ref().map(|floor| &floor.figures)
        }));
    }
    if floors.count() < results.len() {
        page.text("What the client itself costs was not measured in every run.");
    }
    for result in results {
        if let Some(ms) = result.client.cpu_ms_per_request {
            page.text(&format!(
                "CPU time of the client at {} requests/s: {} ms a request.",
                result.settings.qps_typed,
                number(ms),
            ));
        }
    }
}
