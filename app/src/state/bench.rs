//! Benchmark of the page's engine, the same as `llamaglass bench`.

use leptos::prelude::*;
use llamaglass_lab::bench::{BenchReport, Comparison, Progress, Settings};

use super::app::App;
use super::data::Bench;
use crate::engine::{Engine, Loaded};
use crate::protocol::LabCommand;

/// Starts the benchmark, unless the page is busy or no model is loaded in its engine.
pub fn start_bench(app: App, settings: Settings) {
    let here = matches!(
        app.engine.get_untracked(),
        Engine::Loaded(Loaded::Engine(_))
    );
    if app.can_send() && here {
        app.bench.set(Bench::Running(Progress::default()));
        app.send(LabCommand::Bench { settings }, &[]);
    }
}

/// Stops the benchmark.
pub fn stop_bench(app: App) {
    app.send(LabCommand::StopBench, &[]);
}

/// Records the progress.
pub(super) fn advance(app: App, progress: Progress) {
    if app.is_benchmarking() {
        app.bench.set(Bench::Running(progress));
    }
}

/// Records the report, compared with the one before.
pub(super) fn finish(app: App, mut report: Box<BenchReport>) {
    // Compares with the previous run in this page, so that the effect of a change shows.
    let previous = app.last_bench.get_value();
    report.comparison = previous.map(|previous| Comparison::new(&report, &previous));
    app.last_bench.set_value(Some((*report).clone()));
    app.bench.set(Bench::Done(report));
}

/// Ends the benchmark without a report.
pub(super) fn fail(app: App, why: &str) {
    if app.is_benchmarking() {
        app.bench.set(Bench::Failed(why.into()));
    }
}
