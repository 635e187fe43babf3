//! A browser without WebGPU: what the page says, and how it continues on the CPU.

use anyhow::{Result, ensure};

use super::super::Session;
use super::super::steps::{SOON, check_answers, choose_backend, first_visit, load_tiny};

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
pub fn run(session: &Session, url: &str) -> Result<()> {
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
    ensure!(backend == "CPU", "the model runs on {backend:?}");
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
