//! Browsers and connections that offer less than the page would like.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::chromium::OTHER_MACHINE;
use super::super::steps::{
    SOON, check_answers, choose_backend, conversation, first_visit, load_tiny, stop_answer,
    wait_for_answer, wait_for_start, wait_until_ready,
};
use super::lab;

/// Script that removes WebGPU from the page and from its workers, as in a browser that does not support it.
const TAKE_WEBGPU: &str = "delete Navigator.prototype.gpu;\
    const Original = window.Worker;\
    window.Worker = class extends Original {\
      constructor(address, options) {\
        const script = new URL(address, location).href;\
        const source = `delete WorkerNavigator.prototype.gpu; await import('${script}')`;\
        super(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), options);\
      }\
    }";

/// Asks for WebGPU, reads why there is none, and continues without it through either button.
pub fn no_webgpu(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    // The page may start workers only from its own files, not from a blob.
    session.bypass_content_security_policy()?;
    session.before_page(TAKE_WEBGPU)?;
    first_visit(session, url)?;
    choose_backend(session, "wgpu")?;
    refuse(session)?;

    choose_backend(session, "auto")?;
    session.click("[data-testid=fallback] summary")?;
    let why = session.wait_for_text("[data-testid=fallback-reason]", SOON, |text| {
        !text.is_empty()
    })?;
    println!("  {why}");
    session.screenshot("no-webgpu-auto")?;
    session.click("[data-testid=try-webgpu]")?;
    refuse(session)?;
    load_tiny(session)?;
    let backend = session.text("[data-testid=status-backend]")?;
    ensure!(backend.starts_with("CPU"), "the model runs on {backend:?}");
    check_answers(session)
}

/// Waits for the reason why there is no WebGPU, and switches to the CPU.
fn refuse(session: &Session) -> Result<()> {
    let why = session.wait_for_text("[data-testid=unsupported-reason]", SOON, |text| {
        !text.is_empty()
    })?;
    println!("  {why}");
    session.screenshot("no-webgpu")?;
    session.click("[data-testid=use-cpu]")?;
    session.wait_for("the CPU", SOON, || {
        let refused = session.count("[data-testid=unsupported]")?;
        Ok((refused == 0).then_some(()))
    })
}

/// Loads both models, asks, copies an answer, runs an experiment, and reloads the page.
pub fn insecure(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    let url = url.replace("127.0.0.1", OTHER_MACHINE);
    first_visit(session, &url)?;
    let secure = session.execute("return window.isSecureContext")?;
    ensure!(secure == false, "{url} is a secure context");
    load_tiny(session)?;
    session.click("[data-testid=suggestion]")?;
    wait_for_answer(session, 0)?;
    stop_answer(session)?;
    let copy = "[data-testid=copy-answer]";
    session.click(copy)?;
    session.wait_for_text(copy, SOON, |text| text == "Could not copy")?;
    session.check_console()?;
    check_answers(session)?;

    session.click("[data-testid=lab-open]")?;
    session.wait_for_element("[data-testid=lab]", SOON)?;
    lab::set(session, "stats-rows", "8")?;
    lab::measured(session, "stats")?;
    session.click("[data-testid=lab-close]")?;

    let before = conversation(session)?;
    session.client().refresh()?;
    wait_for_start(session)?;
    let after = conversation(session)?;
    ensure!(
        after == before,
        "after a reload {before:?} became {after:?}"
    );
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    session.click("[data-testid=clear]")?;
    check_answers(session)?;
    session.screenshot("insecure").map(drop)
}
