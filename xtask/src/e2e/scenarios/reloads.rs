//! Reloads of the page in every state of its engine: it starts, still has the conversation, and answers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{
    begin_long, check_answers, choose_backend, conversation, engine_state, first_visit, load_tiny,
    make_endless, wait_for_start, wait_until_ready,
};

/// Maximum time to reach a state.
const PATIENCE: Duration = Duration::from_secs(60);

/// Brings the page into a state.
type Reach = fn(session: &Session) -> Result<()>;

/// The states, in the order in which a page goes through them.
const STATES: [(&str, Reach); 7] = [
    ("starting", |session| session.client().refresh()),
    ("empty", |session| wait_for(session, "empty")),
    ("loading", |session| {
        session.click("[data-testid=load-default]")?;
        wait_for(session, "loading")
    }),
    ("loaded", load_default),
    ("answering", |session| {
        load_default(session)?;
        begin_long(session).map(drop)
    }),
    ("running an experiment", |session| {
        load_default(session)?;
        session.click("[data-testid=lab-open]")?;
        session.click("[data-testid=lab-run-bare]")?;
        session
            .wait_for_element("[data-testid=lab-live]", PATIENCE)
            .map(drop)
    }),
    ("running the benchmark", |session| {
        load_default(session)?;
        session.click("[data-testid=bench-open]")?;
        session.click("[data-testid=bench-start]")?;
        session
            .wait_for_element("[data-testid=bench-progress]", PATIENCE)
            .map(drop)
    }),
];

/// Reloads the page in each state.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    choose_backend(session, "cpu")?;
    make_endless(session)?;
    load_tiny(session)?;
    check_answers(session)?;
    reload(session)?;
    for (state, reach) in STATES {
        reload_while(session, reach).with_context(|| format!("reloaded while {state}"))?;
    }
    Ok(())
}

fn reload_while(session: &Session, reach: Reach) -> Result<()> {
    reach(session)?;
    // The lab hides the conversation, but the page keeps it.
    let before = conversation(session)?;
    reload(session)?;
    let after = conversation(session)?;
    let known = before.len().min(after.len()).saturating_sub(1);
    ensure!(
        after.len() >= before.len() && after[..known] == before[..known],
        "the conversation {before:?} became {after:?}"
    );
    ensure!(!after.is_empty(), "the conversation is lost");
    load_tiny(session)?;
    check_answers(session)?;
    session.check_console()?;
    reload(session)
}

fn reload(session: &Session) -> Result<()> {
    session.client().refresh()?;
    wait_for_start(session)
}

fn load_default(session: &Session) -> Result<()> {
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)
}

fn wait_for(session: &Session, state: &str) -> Result<()> {
    session.wait_for(&format!("an engine that is {state}"), PATIENCE, || {
        Ok((engine_state(session)? == state).then_some(()))
    })
}
