//! Crashes of the page and of its engine: what the page shows, and how it recovers.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    ESCAPE, SOON, begin_long, check_answers, conversation, first_visit, load_tiny, start_default,
    wait_for_end, wait_for_start, wait_until_ready,
};

/// The message of each crash.
const WORDS: &str = "made by a test";
/// Script that keeps the page's workers where later scripts find them.
const KEEP_WORKERS: &str = "window.workers = [];\
    window.Worker = class extends Worker {\
      constructor(...rest) { super(...rest); window.workers.push(this) }\
    }";

/// Checks that a crash of the page shows a card over everything else, and that a reload keeps the conversation.
pub fn page(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    load_tiny(session)?;
    check_answers(session)?;
    let kept = conversation(session)?;
    session.execute(&format!("window.llamaglassCrash('{WORDS}')"))?;
    session.wait_for_text("[data-testid=crash]", SOON, |text| {
        text.contains("Something went wrong") && text.contains(WORDS)
    })?;
    session.screenshot("crash")?;
    session.client().press(&[ESCAPE])?;
    let front = session.execute(
        "const card = document.querySelector('[data-testid=crash]');\
         const button = document.querySelector('[data-testid=settings-open]').getBoundingClientRect();\
         const on_top = document.elementFromPoint(button.x + 5, button.y + 5);\
         return card.matches(':modal') && (on_top === null || on_top === card || card.contains(on_top))",
    )?;
    ensure!(front == true, "the page can be used behind the crash card");
    session.click("[data-testid=crash-copy]")?;
    session.wait_for_text("[data-testid=crash-copy]", SOON, |text| {
        text == "Copied" || text.contains("Ctrl+C")
    })?;
    session.resize_to_phone()?;
    session.screenshot("crash-narrow")?;
    session.click("[data-testid=crash-reload]")?;
    session.wait_for("the crash card to go", SOON, || {
        Ok((session.count("[data-testid=crash]")? == 0).then_some(()))
    })?;
    wait_for_start(session)?;
    let messages = conversation(session)?;
    ensure!(
        messages == kept,
        "after a crash {kept:?} became {messages:?}"
    );
    load_tiny(session)?;
    check_answers(session)
}

/// Checks that a crash of the engine ends the answer, and that its card restarts the engine, in the lab, too.
pub fn engine(session: &Session, url: &str) -> Result<()> {
    session.before_page(KEEP_WORKERS)?;
    start_default(session, url)?;
    for in_lab in [false, true] {
        let before = begin_long(session)?;
        let turns = conversation(session)?.len();
        if in_lab {
            session.click("[data-testid=lab-open]")?;
        }
        crash_engine(session)?;
        session.screenshot(if in_lab { "crashed-lab" } else { "crashed" })?;
        session.click("[data-testid=crashed-copy]")?;
        session.click("[data-testid=restart-engine]")?;
        wait_until_ready(session)?;
        if in_lab {
            session.click("[data-testid=lab-close]")?;
        }
        let state = wait_for_end(session, before)?;
        ensure!(
            state == "failed",
            "the crashed engine\u{2019}s answer ended as {state:?}"
        );
        let after = conversation(session)?.len();
        ensure!(after == turns, "{turns} turns became {after}");
        check_answers(session)?;
    }

    crash_engine(session)?;
    session.click("[data-testid=restart-without-model]")?;
    load_tiny(session)?;
    check_answers(session)
}

fn crash_engine(session: &Session) -> Result<()> {
    session.execute(&format!(
        "window.workers.at(-1).dispatchEvent(new ErrorEvent('error', {{ message: '{WORDS}' }}))"
    ))?;
    let card = "[data-testid=crashed]";
    session
        .wait_for_text(card, SOON, |text| text.contains(WORDS))
        .map(drop)
}
