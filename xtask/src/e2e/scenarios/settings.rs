//! Settings that are changed while an answer streams.

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{
    ESCAPE, SOON, begin_long, check_answers, choose_backend, conversation, make_endless,
    start_default, stop_answer, wait_for_end, wait_until_ready,
};

/// Changes fields during one answer and the backend during another.
pub fn run(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;

    begin_long(session)?;
    change_fields(session)?;
    stop_answer(session)?;
    check_answers(session)?;

    make_endless(session)?;
    let before = begin_long(session)?;
    choose_backend(session, "wgpu")?;
    wait_for_end(session, before)?;
    wait_until_ready(session)?;
    let turns = conversation(session)?.len();
    ensure!(
        turns == 2 * (before + 1),
        "after a change of backend the conversation has {turns} turns"
    );
    // A software adapter would take a minute to prefill all of it.
    session.click("[data-testid=clear]")?;
    check_answers(session)?;
    change_context(session)
}

/// Fills fields, and closes the dialog with Escape and with its button, while the answer continues.
fn change_fields(session: &Session) -> Result<()> {
    session.click("[data-testid=settings-open]")?;
    for (field, value) in [
        ("temperature", "0.5"),
        ("top-k", "40"),
        ("top-p", "0.9"),
        ("min-p", "0.1"),
        ("repetition-penalty", "1.1"),
        ("presence-penalty", "0.1"),
        ("frequency-penalty", "0.1"),
        ("max-tokens", "200"),
        ("seed", "7"),
        ("stop", "END"),
        ("system-prompt", "Be brief."),
    ] {
        session.fill(&format!("[data-testid=settings-{field}]"), value)?;
    }
    session.check("[data-testid=settings-stop-repetition]")?;
    let streaming = "[data-testid=answer][data-state=streaming]";
    ensure!(
        session.count(streaming)? == 1,
        "the answer ended while settings were changed"
    );
    session.client().press(&[ESCAPE])?;
    wait_until_closed(session).context("by Escape")?;
    session.click("[data-testid=settings-open]")?;
    session.click("[data-testid=settings-reset]")?;
    session.click("[data-testid=settings-close]")?;
    wait_until_closed(session).context("by its button")
}

/// Changes the context length, which requires the model to be loaded again.
fn change_context(session: &Session) -> Result<()> {
    session.click("[data-testid=settings-open]")?;
    session.fill("[data-testid=settings-context-length]", "256")?;
    session.click("[data-testid=settings-reload]")?;
    wait_until_ready(session)?;
    let context = session.text("[data-testid=status-context]")?;
    ensure!(context == "256", "the context is {context}, not 256");
    session.click("[data-testid=clear]")?;
    check_answers(session)
}

fn wait_until_closed(session: &Session) -> Result<()> {
    session.wait_for("the dialog to close", SOON, || {
        Ok((session.count("dialog[open]")? == 0).then_some(()))
    })
}
