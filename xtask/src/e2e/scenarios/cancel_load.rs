//! A cancelled download, and deleted models.

use anyhow::Result;

use super::super::Session;
use super::super::steps::{
    SOON, check_answers, choose_backend, engine_state, first_visit, wait_until_ready,
};

/// Cancels a load at once, loads the model after all, deletes the download, and asks a question.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    choose_backend(session, "flex")?;
    session.click("[data-testid=load-default]")?;
    session.click("[data-testid=cancel-load]")?;
    session.wait_for("an engine without a model", SOON, || {
        Ok((engine_state(session)? == "empty").then_some(()))
    })?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;

    session.click("[data-testid=settings-open]")?;
    session.click("[data-testid=settings-clear-models]")?;
    session.wait_for_text("[data-testid=settings-stored]", SOON, |text| {
        text.starts_with("No downloaded")
    })?;
    session.click("[data-testid=settings-close]")?;
    check_answers(session)
}
