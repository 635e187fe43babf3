//! A server that does not report its steps: its text arrives, and the page shows only what it knows.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::other_server::{ENDLESS, OtherServer, PIECES, TOKENS};
use super::super::steps::{ANSWERS, SOON, send, wait_for_end, wait_until_ready};

/// Opens the page and uses such a server.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    session.go_to(url)?;
    meet(session, "other-server")?;
    session.resize_to_phone()?;
    session.screenshot("other-server-narrow").map(drop)
}

/// Fails to reach one server, chooses a model of another, asks it, and stops an answer. The names of screenshots
/// begin with `name`.
pub fn meet(session: &Session, name: &str) -> Result<()> {
    let server = OtherServer::start()?;
    session.click("[data-testid=server-open]")?;
    session.fill("[data-testid=server-url]", &unused_address()?)?;
    session.click("[data-testid=server-connect]")?;
    let why = session.wait_for_text("[data-testid=server-error]", SOON, |text| !text.is_empty())?;
    ensure!(why.contains("can't be reached"), "the page says {why:?}");
    session.screenshot(&format!("{name}-unreachable"))?;

    session.fill("[data-testid=server-url]", &server.url)?;
    session.fill("[data-testid=server-key]", "not needed")?;
    session.click("[data-testid=server-connect]")?;
    session.choose("[data-testid=server-model]", "1")?;
    session.screenshot(&format!("{name}-models"))?;
    session.click("[data-testid=server-use]")?;
    wait_until_ready(session)?;
    let model = session.text("[data-testid=status-model]")?;
    ensure!(model == "second", "the model is {model:?}");

    send(session, "What is the capital of France?")?;
    let state = wait_for_end(session, 0)?;
    ensure!(state == "done", "the answer ended as {state:?}");
    let text = session.execute(&format!(
        "{ANSWERS} return last.querySelector('.markdown').textContent"
    ))?;
    ensure!(text == PIECES.concat().as_str(), "the answer is {text}");
    let bars = [
        session.count("[data-testid=piece-bar]")?,
        session.count("[data-testid=bar]")?,
    ];
    ensure!(bars == [PIECES.len(), 0], "pieces and tokens: {bars:?}");
    let words = session.text("[data-testid=opaque]")?;
    ensure!(words.contains("does not report its steps"), "{words:?}");
    let tokens = session.text("[data-testid=stat-generated]")?;
    ensure!(tokens == TOKENS.to_string(), "{tokens:?} were generated");
    ensure!(!server.asked_for_timings(), "it was asked for timings");
    session.screenshot(name)?;

    send(session, &format!("Talk {ENDLESS}."))?;
    session.wait_for("the first pieces", SOON, || {
        Ok((session.count("[data-testid=piece-bar]")? > 2).then_some(()))
    })?;
    session.click("[data-testid=stop]")?;
    let state = wait_for_end(session, 1)?;
    ensure!(state == "aborted", "a stopped answer ended as {state:?}");
    session.wait_for("the server to notice", SOON, || {
        Ok((server.clients_left() == 1).then_some(()))
    })
}

/// Returns an address at which no server listens.
fn unused_address() -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.to_string())
}
