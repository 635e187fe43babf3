//! Another model, chosen while an answer streams.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    SOON, begin_long, check_answers, conversation, load_tiny, start_default, wait_for_end,
    wait_until_ready,
};

/// Loads the same model again and then another one, each while an answer streams.
pub fn run(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    open_and_close(session)?;

    for tiny in [false, true] {
        let before = begin_long(session)?;
        session.click("[data-testid=change-model]")?;
        if tiny {
            load_tiny(session)?;
        } else {
            session.click("dialog[open] [data-testid=load-default]")?;
            // The engine counts as ready until the old model is gone.
            wait_for_end(session, before)?;
            wait_until_ready(session)?;
        }
        let state = wait_for_end(session, before)?;
        ensure!(
            state == "aborted" || state == "failed",
            "the old model's answer ended as {state:?}"
        );
        let messages = conversation(session)?;
        ensure!(
            messages.len() == 2 * (before + 1),
            "the conversation is {messages:?}"
        );
        check_answers(session)?;
    }
    Ok(())
}

fn open_and_close(session: &Session) -> Result<()> {
    session.click("[data-testid=change-model]")?;
    session.click("[data-testid=model-close]")?;
    session.wait_for("the dialog to close", SOON, || {
        Ok((session.count("dialog[open]")? == 0).then_some(()))
    })
}
