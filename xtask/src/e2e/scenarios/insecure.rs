//! The page over plain HTTP from another machine, as `llamaglass serve --host` serves it to the local network:
//! browsers then offer no WebGPU, no clipboard, no locks and no file system.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::chromium::OTHER_MACHINE;
use super::super::steps::{
    SOON, check_answers, conversation, first_visit, load_tiny, stop_answer, wait_for_answer,
    wait_for_start, wait_until_ready,
};
use super::lab;

/// Loads both models, asks, copies an answer, runs an experiment, and reloads the page.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    let url = url.replace("127.0.0.1", OTHER_MACHINE);
    first_visit(session, &url)?;
    let secure = session.execute("return window.isSecureContext")?;
    ensure!(secure == false, "{url} is a secure context");
    load_tiny(session)?;
    session.click("[data-testid=suggestion]")?;
    wait_for_answer(session, 0)?;
    stop_answer(session)?;
    let copy = "[data-testid=copy-answer]";
    session.click(copy)?;
    session.wait_for_text(copy, SOON, |text| text == "Could not copy")?;
    session.check_console()?;
    check_answers(session)?;

    session.click("[data-testid=lab-open]")?;
    session.wait_for_element("[data-testid=lab]", SOON)?;
    lab::set(session, "stats-rows", "8")?;
    lab::measured(session, "stats")?;
    session.click("[data-testid=lab-close]")?;

    let before = conversation(session)?;
    session.client().refresh()?;
    wait_for_start(session)?;
    let after = conversation(session)?;
    ensure!(
        after == before,
        "after a reload {before:?} became {after:?}"
    );
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    session.click("[data-testid=clear]")?;
    check_answers(session)?;
    session.screenshot("insecure").map(drop)
}
