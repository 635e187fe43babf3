//! The benchmark: the same runs as `llamaglass bench`, through the engine that the page has.

use leptos::prelude::*;
use llamaglass_engine::bench::{BenchReport, Comparison, Run, Runs, Settings};
use llamaglass_engine::event::{Event, FinishReason};
use llamaglass_engine::stats::Record;

use super::{App, Engine};
use crate::protocol::{Command, Tag};

/// How the benchmark is.
#[derive(Clone, Debug, Default)]
pub enum Bench {
    /// None has run.
    #[default]
    Idle,
    /// It runs.
    Running {
        /// Tokens of all runs that were picked.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// It has ended, with this.
    Done(Box<BenchReport>),
    /// It has ended without, for this reason.
    Failed(String),
}

/// What is kept while it runs.
pub(super) struct Running {
    settings: Settings,
    runs: Runs,
    run: Run,
    tag: Tag,
    record: Record,
    records: Vec<Record>,
    picked: usize,
    /// Tokens of all runs.
    total: usize,
}

/// Starts it, or says why it can't be.
pub fn start_bench(app: App, mut settings: Settings) {
    let Engine::Loaded(info) = app.engine.get_untracked() else {
        return;
    };
    if !app.can_send() {
        return;
    }
    settings.context_length = info.context_length;
    if let Err(error) = settings.check() {
        return app.bench.set(Bench::Failed(error.to_string()));
    }
    let mut runs = settings.runs(info.config.vocab_size);
    let all = runs.clone();
    let total = all.filter_map(|run| run.request.max_tokens).sum();
    let Some(run) = runs.next() else {
        return app
            .bench
            .set(Bench::Failed("there is nothing to run".into()));
    };
    let running = Running {
        settings,
        runs,
        tag: submit(app, &run),
        run,
        record: Record::default(),
        records: Vec::new(),
        picked: 0,
        total,
    };
    tell(app, &running);
    app.inner().bench.replace(Some(running));
}

/// Takes an event in, where it is the benchmark's; whether it was.
pub(super) fn hear(app: App, tag: Tag, event: &Event) -> bool {
    let inner = app.inner();
    let mut slot = inner.bench.borrow_mut();
    let Some(running) = slot.as_mut().filter(|running| running.tag == tag) else {
        return false;
    };
    running.record.push(event);
    if matches!(event, Event::Token { .. }) {
        running.picked += 1;
        tell(app, running);
    }
    if !event.is_last() {
        return true;
    }
    app.running.set(None);
    let record = std::mem::take(&mut running.record);
    if let Err(error) = running.run.check(&record) {
        slot.take();
        let stopped = record.finish_reason == Some(FinishReason::Abort);
        app.bench.set(Bench::Failed(if stopped {
            "It was stopped.".into()
        } else {
            error.to_string()
        }));
        return true;
    }
    if running.run.measured.is_some() {
        running.records.push(record);
    }
    match running.runs.next() {
        Some(run) => {
            running.tag = submit(app, &run);
            running.run = run;
        }
        None => {
            if let Some(running) = slot.take() {
                finish(app, running);
            }
        }
    }
    true
}

/// Ends a benchmark that its engine can't end any more.
pub(super) fn fail(app: App, why: &str) {
    if app.inner().bench.take().is_some() {
        app.bench.set(Bench::Failed(why.into()));
    }
}

fn submit(app: App, run: &Run) -> Tag {
    let tag = app.next_tag();
    app.running.set(Some(tag));
    app.send(&Command::ClearCache, &[]);
    let request = run.request.clone();
    app.send(&Command::Submit { tag, request }, &[]);
    tag
}

fn tell(app: App, running: &Running) {
    app.bench.set(Bench::Running {
        done: running.picked,
        total: running.total,
    });
}

fn finish(app: App, running: Running) {
    let Engine::Loaded(info) = app.engine.get_untracked() else {
        return;
    };
    let Running {
        settings, records, ..
    } = running;
    let mut report = BenchReport::new(&info, info.name.clone(), settings, &records);
    // Against the last one: the page is what people change, too.
    let before = app.last_bench.get_value();
    report.comparison = before.map(|before| Comparison::new(&report, &before));
    app.last_bench.set_value(Some(report.clone()));
    app.bench.set(Bench::Done(Box::new(report)));
}
