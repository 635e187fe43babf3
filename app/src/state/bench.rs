//! The benchmark: the same as `llamaglass bench`, over the engine that the page has.

use leptos::prelude::*;
use llamaglass_lab::bench::{BenchReport, Comparison, Progress, Settings};

use super::{App, Engine, Loaded};
use crate::protocol::Command;

/// How the benchmark is.
#[derive(Clone, Debug, Default)]
pub enum Bench {
    /// None has run.
    #[default]
    Idle,
    /// It runs.
    Running(Progress),
    /// It has ended, with this.
    Done(Box<BenchReport>),
    /// It has ended without, for this reason.
    Failed(String),
}

/// Starts it.
pub fn start_bench(app: App, settings: Settings) {
    let here = matches!(
        app.engine.get_untracked(),
        Engine::Loaded(Loaded::Engine(_))
    );
    if app.can_send() && here {
        app.bench.set(Bench::Running(Progress::default()));
        app.send(&Command::Bench { settings }, &[]);
    }
}

/// Gives it up.
pub fn stop_bench(app: App) {
    app.send(&Command::StopBench, &[]);
}

/// How far it is.
pub(super) fn advance(app: App, progress: Progress) {
    if app.benches() {
        app.bench.set(Bench::Running(progress));
    }
}

/// What it found.
pub(super) fn finish(app: App, mut report: Box<BenchReport>) {
    // Against the last one: the page is what people change, too.
    let before = app.last_bench.get_value();
    report.comparison = before.map(|before| Comparison::new(&report, &before));
    app.last_bench.set_value(Some((*report).clone()));
    app.bench.set(Bench::Done(report));
}

/// Ends it without a result.
pub(super) fn fail(app: App, why: &str) {
    if app.benches() {
        app.bench.set(Bench::Failed(why.into()));
    }
}
