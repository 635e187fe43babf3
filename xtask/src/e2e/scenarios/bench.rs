//! The page's benchmark on the loaded model.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;

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
