//! Benchmark of the page's engine, the same as `llamaglass bench`.

use leptos::prelude::*;
use llamaglass_lab::bench::{BenchReport, Comparison, Progress, Settings};

use super::{App, Engine, Loaded};
use crate::protocol::LabCommand;

/// State of the benchmark.
#[derive(Clone, Debug, Default)]
pub enum Bench {
    /// Not run yet.
    #[default]
    Idle,
    /// Running, with its progress.
    Running(Progress),
    /// Finished with a report.
    Done(Box<BenchReport>),
    /// Failed, for this reason.
    Failed(String),
}

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
    if app.benches() {
        app.bench.set(Bench::Running(progress));
    }
}

/// Records the report, compared with the one before.
pub(super) fn finish(app: App, mut report: Box<BenchReport>) {
    // Compares with the previous run in this page, so that the effect of a change shows.
    let before = app.last_bench.get_value();
    report.comparison = before.map(|before| Comparison::new(&report, &before));
    app.last_bench.set_value(Some((*report).clone()));
    app.bench.set(Bench::Done(report));
}

/// Ends the benchmark without a report.
pub(super) fn fail(app: App, why: &str) {
    if app.benches() {
        app.bench.set(Bench::Failed(why.into()));
    }
}
