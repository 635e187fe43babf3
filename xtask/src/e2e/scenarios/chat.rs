//! The real model, a question, its greedy answer, the overlay, an abort, and another question.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{
    abort, ask, check_bars, choose_backend, make_greedy, reference, wait_until_ready,
};
use super::bench;

/// Loads the default model on `backend` and talks to it.
pub fn run(session: &Session, url: &str, backend: &str) -> Result<()> {
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
