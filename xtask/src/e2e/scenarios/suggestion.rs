//! The suggestions of an empty conversation, each as the first click of a first visit.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{check_answers, conversation, first_visit, load_tiny, wait_for_answer};

/// Clicks each of the three suggestions on a first visit of its own.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    for number in 1..=3 {
        first_visit(session, url)?;
        load_tiny(session)?;
        let suggestion = format!("[data-testid=suggestion]:nth-of-type({number})");
        let words = session.text(&suggestion)?;
        session.click(&suggestion)?;
        wait_for_answer(session, 0)?;
        let messages = conversation(session)?;
        ensure!(
            messages.first() == Some(&words),
            "{words:?} was clicked, and the conversation is {messages:?}"
        );
        check_answers(session)?;
        session.check_console()?;
    }
    Ok(())
}
