//! A first start without a model: what the window offers, and what its page may not do.

use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};

use super::super::super::steps::SOON;
use super::{Person, Site, Window};

/// Tauri's commands that the page must not be able to call.
const FOREIGN: [&str; 3] = [
    "plugin:dialog|open",
    "plugin:window|close",
    "plugin:event|listen",
];

/// Opens the window, checks its content and the page's limits, and quits.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("opens", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
        ensure!(
            window.count("[data-testid=recent-model]")? == 0,
            "the recent models of a new user are not empty"
        );
        let adapters = window.wait_for("an adapter", SOON, || {
            let words = window.execute(
                "return [...document.querySelectorAll('[data-testid=settings-adapter] option')]\
                   .slice(1).map(option => option.textContent).join('; ')",
            )?;
            let words = words.as_str().unwrap_or_default().to_owned();
            Ok((!words.is_empty()).then_some(words))
        })?;
        println!("  adapters: {adapters}");
        window.picture("desktop-opens")?;
        asks_nobody(window)?;
        may_do_little(window)
    })?;
    window.quit().map(drop)
}

/// Checks that the page reaches no server, not even one on this machine.
fn asks_nobody(window: &Window<'_>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let outcome = window.execute(&format!(
        "return fetch('http://{address}/').then(() => 'answered', () => 'refused')"
    ))?;
    ensure!(outcome == "refused", "a request of the page was {outcome}");
    ensure!(
        listener.accept().is_err(),
        "a request from the page reached the network"
    );
    Ok(())
}

/// Checks that the page can't call Tauri's commands.
fn may_do_little(window: &Window<'_>) -> Result<()> {
    for command in FOREIGN {
        let outcome = window.execute(&format!(
            "return window.__TAURI_INTERNALS__.invoke('{command}', {{}})\
               .then(() => 'done', error => String(error))"
        ))?;
        let outcome = outcome.as_str().unwrap_or_default();
        ensure!(
            outcome.contains("not allowed") || outcome.contains("not found"),
            "{command} was {outcome}"
        );
    }
    Ok(())
}
