//! The buttons around a conversation and its timeline, and a model from a folder.

use anyhow::{Result, ensure};

use super::super::steps::{
    SOON, ask, check_answers, conversation, first_visit, limit_answers, tiny_folder,
    wait_until_ready,
};
use super::super::webdriver::WindowSize;
use super::super::{Session, folder};
use crate::project::Project;

/// Loads a folder, asks questions, and uses each button.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize(WindowSize::new(1280, 600))?;
    first_visit(session, url)?;
    let made = folder(&Project::find()?)?.join("files/conversation");
    let folder = tiny_folder(&made)?;
    session.wait_for_element("[data-testid=open-folder-input]:enabled", SOON)?;
    session.choose_files("[data-testid=open-folder-input]", &[&folder])?;
    wait_until_ready(session)?;
    limit_answers(session, Some(60))?;
    for question in ["One.", "Two.", "Three."] {
        ask(session, question)?;
    }

    latest(session)?;
    timeline(session)?;
    theme(session)?;
    session.click("[data-testid=copy-answer]")?;
    session.wait_for_text("[data-testid=copy-answer]", SOON, |text| text == "Copied")?;
    session.click("[data-testid=clear]")?;
    let messages = conversation(session)?;
    ensure!(messages.is_empty(), "after Clear there is {messages:?}");
    check_answers(session)
}

/// Checks that a conversation that is scrolled up offers a button to its end.
fn latest(session: &Session) -> Result<()> {
    session.execute("document.querySelector('.log').scrollTop = 0")?;
    session.click("[data-testid=jump-latest]")?;
    session.wait_for("the conversation's end", SOON, || {
        let at_end = session.execute(
            "const log = document.querySelector('.log');\
             return log.scrollHeight - log.scrollTop - log.clientHeight < 50\
               && !document.querySelector('[data-testid=jump-latest]')",
        )?;
        Ok((at_end == true).then_some(()))
    })
}

/// Checks that the timeline can show another answer, change its scale, and be hidden.
fn timeline(session: &Session) -> Result<()> {
    let first = "[data-testid=answer]:nth-child(2)";
    session.click(&format!("{first} [data-testid=show-timeline]"))?;
    session.wait_for("the first answer's timeline", SOON, || {
        let offered = session.count(&format!("{first} [data-testid=show-timeline]"))?;
        Ok((offered == 0).then_some(()))
    })?;
    let scale = "[data-testid=timeline-scale]";
    let before = session.text(scale)?;
    session.click(scale)?;
    session.wait_for_text(scale, SOON, |text| text != before)?;
    session.click("[data-testid=timeline-hide]")?;
    session.wait_for("the timeline to go", SOON, || {
        Ok((session.count("[data-testid=overlay]")? == 0).then_some(()))
    })?;
    session.click("[data-testid=overlay-toggle]")?;
    let overlay = "[data-testid=overlay]";
    session.wait_for_element(overlay, SOON).map(drop)
}

/// Checks that the theme button cycles through three themes.
fn theme(session: &Session) -> Result<()> {
    let shown = || session.execute("return document.documentElement.dataset.theme");
    let first = shown()?;
    let mut themes = Vec::new();
    for _ in 0..3 {
        themes.push(shown()?);
        session.click("[data-testid=theme-toggle]")?;
    }
    themes.dedup();
    let last = shown()?;
    ensure!(
        themes.len() == 3 && first == last,
        "the themes are {themes:?}, then {last}"
    );
    Ok(())
}
