//! The page's benchmark.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{SOON, begin_long, check_answers, start_default, stop_answer};

/// Maximum time for the benchmark: several times what a software adapter on two cores takes.
const RUNS: Duration = Duration::from_secs(120);

/// Runs a small benchmark and checks its figures.
pub fn run(session: &Session, backend: &str) -> Result<()> {
    session.click("[data-testid=bench-open]")?;
    for (field, value) in [("prompt", "16"), ("generated", "6"), ("runs", "2")] {
        session.fill(&format!("[data-testid=bench-{field}]"), value)?;
    }
    session.click("[data-testid=bench-start]")?;
    session.wait_for("the benchmark's figures", RUNS, || {
        let failed = session.count("[data-testid=bench-failed]")?;
        ensure!(
            failed == 0,
            "{}",
            session.text("[data-testid=bench-failed]")?
        );
        let results = session.count("[data-testid=bench-results]")?;
        Ok((results > 0).then_some(()))
    })?;
    for row in 1..=2 {
        let css =
            format!("[data-testid=bench-results] table:first-of-type tbody tr:nth-child({row})");
        let words = session.text(&css)?;
        let median = words.split_whitespace().rev().nth(1);
        let median: f64 = median
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("no figures in {words:?}"))?;
        ensure!(median > 0.0, "{words}");
        println!("  {words}");
    }
    session.screenshot(&format!("bench-{backend}"))?;
    session.click("[data-testid=bench-download]")?;
    session.click("[data-testid=bench-close]")
}

/// Opens and closes the dialog while an answer streams, and runs the benchmark afterwards.
pub fn dialog(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    begin_long(session)?;
    session.click("[data-testid=bench-open]")?;
    session.wait_for_element("[data-testid=bench-start]:disabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    let open = session.count("dialog[open]")?;
    ensure!(open == 0, "the benchmark's dialog did not close");
    stop_answer(session)?;
    run(session, "after-answer")?;

    // A long benchmark is stopped, and the conversation still answers.
    session.click("[data-testid=bench-open]")?;
    session.fill("[data-testid=bench-generated]", "500")?;
    session.click("[data-testid=bench-start]")?;
    session.click("[data-testid=bench-stop]")?;
    session.wait_for_element("[data-testid=bench-start]:enabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    check_answers(session)
}
