//! The benchmark's dialog while an answer streams, and a run after it.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    SOON, begin_long, check_answers, choose_backend, first_visit, stop_answer, wait_until_ready,
};
use super::bench;

/// Opens the dialog over an answer, closes it, and runs it later.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize(1280, 900)?;
    first_visit(session, url)?;
    choose_backend(session, "flex")?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    begin_long(session)?;
    session.click("[data-testid=bench-open]")?;
    session.wait_for_element("[data-testid=bench-start]:disabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    let open = session.count("dialog[open]")?;
    ensure!(open == 0, "the benchmark's dialog did not close");
    stop_answer(session)?;
    bench::run(session, "after-answer")?;

    // One that would take long is stopped, and the conversation goes on.
    session.click("[data-testid=bench-open]")?;
    session.fill("[data-testid=bench-generated]", "500")?;
    session.click("[data-testid=bench-start]")?;
    session.click("[data-testid=bench-stop]")?;
    session.wait_for_element("[data-testid=bench-start]:enabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    check_answers(session)
}
