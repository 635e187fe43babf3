//! Results as a table for a terminal.

use std::fmt::Write;

use super::figures::{Figures, NamedFigure};
use super::result::LoadResult;
use crate::output::visible;

/// Returns the table of all runs.
pub fn table(results: &[LoadResult]) -> String {
    let mut out = String::new();
    for result in results {
        run(&mut out, result);
    }
    if let Some(result) = results.first() {
        let _infallible = writeln!(out, "clock: {}", llamaglass_report::clock(&result.clock));
        if let Some(clock) = &result.server_clock {
            let _infallible = writeln!(out, "the server's: {}", llamaglass_report::clock(clock));
        }
    }
    out
}

fn run(out: &mut String, result: &LoadResult) {
    let LoadResult {
        settings, figures, ..
    } = result;
    let _infallible = writeln!(
        out,
        "{} requests/s for {} s, {}: {} of {} answered{}",
        settings.qps_typed,
        settings.duration_s,
        settings.arrivals.name(),
        result.completed,
        result.requested,
        if result.interrupted { ", stopped" } else { "" },
    );
    for error in &result.errors {
        let _infallible = writeln!(out, "  {} x {}", error.count, visible(&error.words));
    }
    let rates = [
        ("s in all", figures.execution_ms.map(|ms| ms / 1e3)),
        ("requests/s", figures.requests_per_s),
        ("tokens/s", figures.tokens_per_s),
        ("ms a token after the first text", figures.ms_per_token),
    ];
    let rates = rates.into_iter();
    let rates = rates.filter_map(|(name, value)| Some(format!("{:.2} {name}", value?)));
    let _infallible = writeln!(out, "  {}", rates.collect::<Vec<_>>().join(", "));
    let _infallible = writeln!(
        out,
        "  {:<24}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "ms", "mean", "p50", "p90", "p99", "max"
    );
    distributions(out, "", figures);
    match &result.client.floor {
        Some(floor) => {
            let _infallible = writeln!(
                out,
                "  the client itself, against a server that answers {} requests with {} pieces at once",
                floor.requests, floor.pieces,
            );
            distributions(out, "  ", &floor.figures);
        }
        None => out.push_str("  what the client itself costs was not measured\n"),
    }
    if let Some(cpu) = result.client.cpu_ms_per_request {
        let _infallible = writeln!(out, "  CPU time of the client: {cpu:.3} ms a request");
    }
    out.push('\n');
}

fn distributions(out: &mut String, indent: &str, figures: &Figures) {
    for NamedFigure {
        label: name,
        ms: of,
        ..
    } in figures.named()
    {
        let Some(of) = of else { continue };
        let name = format!("{indent}{name}");
        let _infallible = writeln!(
            out,
            "  {name:<24}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
            of.mean, of.p50, of.p90, of.p99, of.max
        );
    }
}
