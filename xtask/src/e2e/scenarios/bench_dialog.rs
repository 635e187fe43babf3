//! The benchmark's dialog while an answer streams, and a run after it.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{SOON, begin_long, check_answers, start_default, stop_answer};
use super::bench;

/// Opens and closes the dialog while an answer streams, and runs the benchmark afterwards.
pub fn run(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    begin_long(session)?;
    session.click("[data-testid=bench-open]")?;
    session.wait_for_element("[data-testid=bench-start]:disabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    let open = session.count("dialog[open]")?;
    ensure!(open == 0, "the benchmark's dialog did not close");
    stop_answer(session)?;
    bench::run(session, "after-answer")?;

    // A long benchmark is stopped, and the conversation still answers.
    session.click("[data-testid=bench-open]")?;
    session.fill("[data-testid=bench-generated]", "500")?;
    session.click("[data-testid=bench-start]")?;
    session.click("[data-testid=bench-stop]")?;
    session.wait_for_element("[data-testid=bench-start]:enabled", SOON)?;
    session.click("[data-testid=bench-close]")?;
    check_answers(session)
}
