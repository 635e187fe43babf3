//! Answers to questions: of each backend, to suggestions, and made again.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    abort, ask, begin_long, check_answers, check_bars, choose_backend, conversation, first_visit,
    limit_answers, load_tiny, make_greedy, reference, start_default, stop_answer, wait_for_answer,
    wait_for_end, wait_until_ready,
};
use super::bench;

/// Loads the default model on `backend` and talks to it.
pub fn chat(session: &Session, url: &str, backend: &str) -> Result<()> {
    session.resize_to_desktop()?;
    session.go_to(url)?;
    choose_backend(session, backend)?;
    make_greedy(session)?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    let name = session.text("[data-testid=status-backend]")?;
    let adapter = session.text("[data-testid=status-adapter]")?;
    println!("  {name} on {adapter}");
    ensure!(
        !adapter.is_empty() && !adapter.contains("unnamed"),
        "the page names no adapter: {adapter:?}"
    );

    let (question, expected) = reference()?;
    let ids = ask(session, &question)?;
    ensure!(
        ids == expected,
        "the answer's ids are {ids:?}, not {expected:?}"
    );
    check_bars(session, expected.len())?;
    check_device(session, backend)?;
    let figure = |id: &str| session.text(&format!("[data-testid=stat-{id}]"));
    let (page, worker) = (figure("tpot-p50")?, figure("step-p50")?);
    println!("  TPOT p50 {page} in the page, steps p50 {worker} in the worker");
    session.screenshot(&format!("chat-{backend}"))?;

    abort(session)?;
    session.click("[data-testid=clear]")?;
    let again = ask(session, &question)?;
    ensure!(again == expected, "after an abort the ids are {again:?}");
    session.resize_to_phone()?;
    session.screenshot(&format!("chat-{backend}-narrow"))?;
    session.resize_to_desktop()?;
    bench::run(session, backend)
}

/// Checks that the page shows times of the device's clock on a GPU, and none on the CPU, which has no such clock.
fn check_device(session: &Session, backend: &str) -> Result<()> {
    for part in ["device-clock", "device-spans"] {
        let shown = session.text(&format!("[data-testid={part}]"))?;
        let wanted = backend == "wgpu";
        ensure!(
            wanted == shown.contains("sampling"),
            "on {backend}, {part} says {shown:?}"
        );
    }
    Ok(())
}

/// Clicks each of the three suggestions on a first visit of its own.
pub fn suggestions(session: &Session, url: &str) -> Result<()> {
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

const REGENERATE: &str = "[data-testid=regenerate]";

/// Asks questions and regenerates their answers.
pub fn regenerate(session: &Session, url: &str) -> Result<()> {
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
