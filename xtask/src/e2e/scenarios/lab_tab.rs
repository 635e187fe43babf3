//! The lab opens over a conversation and closes again, even while an answer streams.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    SOON, begin_long, check_answers, conversation, start_default, stop_answer,
};

const LAB: &str = "[data-testid=lab]";
const TOGGLE: &str = "[data-testid=lab-open]";
const BACK: &str = "[data-testid=lab-close]";

/// Opens the lab and closes it with either button.
pub fn run(session: &Session, url: &str) -> Result<()> {
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
