//! Two tabs of one browser: the first keeps the conversation, the second has one of its own.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    SOON, check_answers, conversation, first_visit, load_tiny, wait_for_start,
};

/// Chats in both tabs, reloads both, closes the first, and opens a third.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    let client = session.client();
    first_visit(session, url)?;
    load_tiny(session)?;
    check_answers(session)?;
    let first = client.window()?;
    let kept = conversation(session)?;

    let second = client.new_tab()?;
    client.switch_to(&second)?;
    session.go_to(url)?;
    let notice = session.wait_for_text("[data-testid=notice]", SOON, |text| !text.is_empty())?;
    ensure!(
        notice.contains("another tab"),
        "the second tab says {notice:?}"
    );
    let messages = conversation(session)?;
    ensure!(
        messages.is_empty(),
        "the second tab begins with {messages:?}"
    );
    session.click("[data-testid=dismiss-notice]")?;
    load_tiny(session)?;
    check_answers(session)?;
    check_answers(session)?;
    let own = conversation(session)?;
    reload(session)?;
    let messages = conversation(session)?;
    ensure!(
        messages == own,
        "the second tab's {own:?} became {messages:?}"
    );

    client.switch_to(&first)?;
    reload(session)?;
    let messages = conversation(session)?;
    ensure!(
        messages == kept,
        "the first tab's {kept:?} became {messages:?}"
    );
    session.check_console()?;

    client.close_tab()?;
    client.switch_to(&second)?;
    let third = client.new_tab()?;
    client.switch_to(&third)?;
    session.go_to(url)?;
    wait_for_start(session)?;
    let messages = conversation(session)?;
    ensure!(
        messages == kept,
        "a tab after the first was closed begins with {messages:?}, not {kept:?}"
    );
    load_tiny(session)?;
    check_answers(session)
}

fn reload(session: &Session) -> Result<()> {
    session.client().refresh()?;
    wait_for_start(session)
}
