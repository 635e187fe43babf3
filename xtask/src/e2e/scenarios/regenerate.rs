//! Regenerate makes the last answer again: when idle, twice in a row, and after Stop; never while an
//! answer streams.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    ask, begin_long, check_answers, conversation, limit_answers, start_default, stop_answer,
    wait_for_answer, wait_for_end,
};

const REGENERATE: &str = "[data-testid=regenerate]";

/// Asks questions and regenerates their answers.
pub fn run(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    limit_answers(session, Some(6))?;
    ask(session, "What is the capital of France?")?;
    for _ in 0..2 {
        session.click(REGENERATE)?;
        let state = wait_for_end(session, 0)?;
        ensure!(state == "done", "an answer made again ended as {state:?}");
        let turns = conversation(session)?.len();
        ensure!(turns == 2, "the conversation has {turns} turns, not 2");
    }

    limit_answers(session, None)?;
    begin_long(session)?;
    ensure!(
        session.count(REGENERATE)? == 0,
        "Regenerate is offered while an answer streams"
    );
    stop_answer(session)?;
    session.click(REGENERATE)?;
    wait_for_answer(session, 1)?;
    stop_answer(session)?;
    let turns = conversation(session)?.len();
    ensure!(turns == 4, "the conversation has {turns} turns, not 4");
    check_answers(session)
}
