//! Every control of the lab, used once: each field, each experiment, each file of a result.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::explore::snapshot::{Control, Kind, Snapshot};
use super::super::session::TOUCH;
use super::super::steps::{SOON, check_answers, choose_backend, first_visit, load_tiny};
use super::super::{Session, explore};
use super::bench;
use crate::project::Project;

/// Time after which an experiment is cancelled.
const LONG: Duration = Duration::from_secs(10);
/// Maximum time for a cancelled experiment to stop.
const STOP: Duration = Duration::from_secs(60);
/// Controls that the loop leaves out: those that leave the lab, and the one that cancels an experiment.
const LATER: [&str; 3] = ["lab-open", "lab-close", "lab-cancel"];

/// Uses one control after the other until none is left, including those that appear along the way.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    // Our own kernels can run every experiment, including the one that times them.
    choose_backend(session, "wgpu")?;
    load_tiny(session)?;
    session.click("[data-testid=lab-open]")?;
    session.wait_for_element("[data-testid=lab]", SOON)?;
    let dataset = explore::files(&Project::find()?, "lab-controls")?.dataset;
    let mut used = BTreeSet::new();
    while let Some(control) = unused(&Snapshot::take(session, url)?, &used) {
        if let Some(id) = &control.testid {
            session.coverage().note_use(id);
        }
        match control.kind {
            Kind::Text => session.client().send_keys(&control.element, TOUCH)?,
            Kind::File => {
                let dataset = dataset.display().to_string();
                session.client().send_keys(&control.element, &dataset)?;
            }
            Kind::Select => session.client().send_keys(&control.element, "\u{e015}")?,
            _ => session.client().click(&control.target)?,
        }
        used.insert(control.key);
        end_experiment(session)?;
        session.check_console()?;
    }
    println!("  {} different controls", used.len());
    session.screenshot("lab-controls")?;
    session.click("[data-testid=lab-close]")?;
    bench(session)?;
    check_answers(session)
}

/// Runs the benchmark with all options, including those that need our own kernels.
fn bench(session: &Session) -> Result<()> {
    session.click("[data-testid=bench-open]")?;
    for choice in ["kernels", "roofline"] {
        session.check(&format!("[data-testid=bench-{choice}]"))?;
    }
    session.fill("[data-testid=bench-positions]", "8, 16")?;
    session.click("[data-testid=bench-close]")?;
    bench::run(session, "everything")?;
    for table in ["kernel-table", "roof", "at-positions"] {
        let count = session.count(&format!("[data-testid=bench-{table}]"))?;
        ensure!(count == 1, "the benchmark's results have no {table}");
    }
    Ok(())
}

/// Returns the first control of the lab that was not used; the one that runs all experiments comes last.
fn unused(snapshot: &Snapshot, used: &BTreeSet<String>) -> Option<Control> {
    let mut unused = snapshot
        .controls
        .iter()
        .filter(|control| control.key.starts_with("lab") && !used.contains(&control.key))
        .filter(|control| !LATER.contains(&&*control.key))
        .cloned();
    let first = unused.next()?;
    if first.key == "lab-run-all" {
        return unused.next().or(Some(first));
    }
    Some(first)
}

/// Waits until no experiment runs, and cancels one that takes longer than [`LONG`].
fn end_experiment(session: &Session) -> Result<()> {
    let start = Instant::now();
    let live = "[data-testid=lab-live]";
    let cancel = "[data-testid=lab-cancel]:enabled";
    while session.count(live)? > 0 {
        if start.elapsed() > LONG && session.count(cancel)? > 0 {
            session.click_now(cancel)?;
        }
        ensure!(
            start.elapsed() < LONG + STOP,
            "an experiment still runs {} s after it was cancelled",
            STOP.as_secs()
        );
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
