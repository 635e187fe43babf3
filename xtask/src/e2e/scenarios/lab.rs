//! The lab: experiments on the loaded model, and the conversation behind it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{
    SOON, begin_long, check_answers, choose_backend, conversation, start_default, stop_answer,
    wait_until_ready,
};
use super::super::webdriver::WindowSize;

/// Maximum time for an experiment: several times what a software adapter on two cores takes.
const RUN: Duration = Duration::from_secs(240);
/// Runs a few small experiments.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    session.go_to(url)?;
    choose_backend(session, "cpu")?;
    session.click("[data-testid=lab-open]")?;
    let unfit = session.wait_for_text("[data-testid=lab-unfit-bare]", SOON, |_| true)?;
    ensure!(unfit == "Load a model first.", "without a model: {unfit:?}");
    session.click("[data-testid=lab-open]")?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    session.click("[data-testid=lab-open]")?;
    measured(session, "kernels")?;

    set(session, "stats-rows", "8")?;
    let lead = measured(session, "stats")?;
    ensure!(lead.contains("a median of"), "stats says {lead:?}");

    set(session, "chain-rows", "2")?;
    set(session, "chain-tokens", "6")?;
    let lead = measured(session, "chain")?;
    ensure!(lead.contains("f a request"), "chain says {lead:?}");
    session.wait_for_element("[data-testid=lab-trace-chain]", SOON)?;

    set(session, "ladder-lengths", "1, 4")?;
    set(session, "ladder-repeats", "3")?;
    let lead = measured(session, "ladder")?;
    ensure!(
        lead.contains("in the bare layer") && lead.contains("through overlay"),
        "the ladder says {lead:?}"
    );
    let layers = report(session, "ladder")?;
    for layer in ["bare", "worker", "text", "scheduler", "paint", "overlay"] {
        ensure!(
            layers.contains(layer),
            "the ladder\u{2019}s report has no {layer}"
        );
    }
    session.screenshot("lab")?;

    cancelled(session)?;
    let summary = session.text("[data-testid=lab-summary]")?;
    ensure!(summary.contains("A token takes"), "together: {summary:?}");
    session.wait_for_element("[data-testid=lab-overview]", SOON)?;
    kept(session)?;
    session.resize(WindowSize::new(360, 800))?;
    session.screenshot("lab-narrow")?;
    let wide = session.execute("return document.documentElement.scrollWidth > innerWidth")?;
    ensure!(wide == false, "at 360 px the page is wider than its window");
    Ok(())
}

/// Fills a field of an experiment.
pub fn set(session: &Session, field: &str, value: &str) -> Result<()> {
    session.fill(&format!("[data-testid=lab-{field}]"), value)
}

/// Runs an experiment to its end, checks its report, and returns its lead finding.
pub fn measured(session: &Session, name: &str) -> Result<String> {
    session.click(&format!("[data-testid=lab-run-{name}]"))?;
    let failed = format!("[data-testid=lab-failed-{name}]");
    let lead = format!("[data-testid=lab-lead-{name}]");
    let lead = session.wait_for(&format!("what {name} found"), RUN, || {
        if session.count(&failed)? > 0 {
            return Ok(Some(Err(session.text(&failed)?)));
        }
        Ok(match session.count(&lead)? {
            0 => None,
            _ => Some(Ok(session.text(&lead)?)),
        })
    })?;
    let lead = lead.map_err(|why| anyhow::anyhow!("{name} failed: {why}"))?;
    ensure!(
        lead.contains(|c: char| c.is_ascii_digit()),
        "{lead:?} has no number"
    );
    println!("  {name}: {lead}");
    report(session, name)?;
    Ok(lead)
}

/// Returns the text of an experiment's report, once it has a table or a tree and is shown in full.
fn report(session: &Session, name: &str) -> Result<String> {
    let text = session.wait_for("the report", SOON, || {
        let text = session.execute(&format!(
            "const frame = document.querySelector('[data-testid=lab-report-{name}]');\
             const root = frame?.contentDocument?.documentElement;\
             const whole = root && frame.clientHeight >= root.getBoundingClientRect().height\
               && frame.clientWidth === root.clientWidth;\
             return whole && root.querySelector('td, pre') ? root.innerText : ''"
        ))?;
        Ok(text
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned))
    })?;
    Ok(text)
}

/// Cancels a long experiment, and checks that the engine runs another one afterwards.
fn cancelled(session: &Session) -> Result<()> {
    set(session, "bare-rows", "40")?;
    set(session, "bare-tokens", "12")?;
    session.click("[data-testid=lab-run-bare]")?;
    session.wait_for_element("[data-testid=lab-plot]", RUN)?;
    session.click("[data-testid=lab-cancel]")?;
    session.wait_for_element("[data-testid=lab-stopped-bare]", RUN)?;
    set(session, "bare-rows", "2")?;
    set(session, "bare-tokens", "3")?;
    measured(session, "bare").map(drop)
}

/// Checks that runs survive a reload, and that one can be compared with a later one.
fn kept(session: &Session) -> Result<()> {
    session.execute("location.reload()")?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    session.click("[data-testid=lab-open]")?;
    let runs = session.wait_for_text("[data-testid=lab-kept-stats]", SOON, |_| true)?;
    ensure!(runs.starts_with("1 saved run"), "kept: {runs:?}");
    measured(session, "stats")?;
    session.wait_for_text("[data-testid=lab-kept-stats] summary", SOON, |text| {
        text.starts_with("2 saved runs")
    })?;
    session.click("[data-testid=lab-kept-stats] summary")?;
    session
        .click("[data-testid=lab-kept-stats] li:nth-child(2) [data-testid=lab-compare-stats]")?;
    let compared = session.wait_for_text("[data-testid=lab-compared]", SOON, |_| true)?;
    let row = compared
        .lines()
        .find(|line| line.starts_with("median prompt tokens"));
    let row = row.with_context(|| format!("no medians in {compared:?}"))?;
    ensure!(row.contains("1.00"), "the same prompts: {row:?}");
    session.screenshot("lab-compared").map(drop)
}

const LAB: &str = "[data-testid=lab]";
const TOGGLE: &str = "[data-testid=lab-open]";
const BACK: &str = "[data-testid=lab-close]";

/// Opens the lab and closes it with either button.
pub fn tab(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    check_answers(session)?;
    let before = conversation(session)?;
    for close in [BACK, TOGGLE] {
        open_and_close(session, close)?;
        let after = conversation(session)?;
        ensure!(
            after == before,
            "behind the lab {before:?} became {after:?}"
        );
    }

    for close in [BACK, TOGGLE] {
        begin_long(session)?;
        let turns = conversation(session)?.len();
        open_and_close(session, close)?;
        let after = conversation(session)?.len();
        ensure!(
            after == turns,
            "behind the lab {turns} turns became {after}"
        );
        stop_answer(session)?;
    }
    check_answers(session)
}

fn open_and_close(session: &Session, close: &str) -> Result<()> {
    session.click(TOGGLE)?;
    session.wait_for_element(LAB, SOON)?;
    session.click(close)?;
    session.wait_for("the conversation", SOON, || {
        let open = session.count(LAB)?;
        let composers = session.count("[data-testid=composer]")?;
        Ok((open == 0 && composers == 1).then_some(()))
    })
}
