//! Models that are opened, changed and cancelled.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{
    LOAD, SOON, begin_long, check_answers, choose_backend, conversation, engine_state, first_visit,
    load_tiny, start_default, wait_for_end, wait_until_ready,
};
use crate::project::Project;

/// A real model of 230 kB, which is opened after the bad files; the path is relative to the checkout.
const GOOD: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";

/// Opens one bad file after the other, then a good one.
pub fn bad_file(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    let folder = std::env::temp_dir().join(format!("llamaglass-e2e-{}", std::process::id()));
    fs::create_dir_all(&folder).context("no folder for bad files")?;
    let good_path = Project::find()?.root.join(GOOD);
    let good =
        fs::read(&good_path).with_context(|| format!("could not read {}", good_path.display()))?;
    let cases: [(&str, &[u8]); 3] = [
        ("empty.gguf", b""),
        ("text.gguf", b"this is no model at all, but a line of text"),
        ("truncated.gguf", &good[..good.len() / 2]),
    ];
    session.go_to(url)?;
    for (name, bytes) in cases {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        session.choose_files("[data-testid=open-file-input]", &[&path])?;
        let error =
            session.wait_for_text("[data-testid=error]", LOAD, |text| text.contains(name))?;
        println!("  {name}: {}", error.replace('\n', " "));
        session.screenshot("bad-file")?;
        // Only the first error is dismissed here; opening the next file replaces the others.
        if name == cases[0].0 {
            session.click("[data-testid=dismiss-error]")?;
        }
    }
    session.choose_files("[data-testid=open-file-input]", &[&good_path])?;
    session.wait_for("the last error to go", SOON, || {
        Ok((session.count("[data-testid=error]")? == 0).then_some(()))
    })?;
    wait_until_ready(session)?;
    let model = session.text("[data-testid=status-model]")?;
    ensure!(!model.is_empty(), "the good file was not loaded");
    // No backend was chosen, so a hardware GPU is used if there is one, but never a software adapter.
    let adapter = session.text("[data-testid=status-adapter]")?;
    println!("  auto took {adapter}");
    ensure!(
        !adapter.to_lowercase().contains("swiftshader"),
        "auto took {adapter}, a program on the CPU"
    );
    fs::remove_dir_all(&folder).context("the bad files remain")
}

/// Cancels a load at once, loads the model after all, deletes the download, and asks a question.
pub fn cancel_load(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    choose_backend(session, "cpu")?;
    session.click("[data-testid=load-default]")?;
    session.click("[data-testid=cancel-load]")?;
    session.wait_for("an engine without a model", SOON, || {
        Ok((engine_state(session)? == "empty").then_some(()))
    })?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;

    session.click("[data-testid=settings-open]")?;
    session.click("[data-testid=settings-clear-models]")?;
    session.wait_for_text("[data-testid=settings-stored]", SOON, |text| {
        text.starts_with("No downloaded")
    })?;
    session.click("[data-testid=settings-close]")?;
    check_answers(session)
}

/// Loads the same model again and then another one, each while an answer streams.
pub fn change(session: &Session, url: &str) -> Result<()> {
    start_default(session, url)?;
    open_and_close(session)?;

    for tiny in [false, true] {
        let before = begin_long(session)?;
        session.click("[data-testid=change-model]")?;
        if tiny {
            load_tiny(session)?;
        } else {
            session.click("dialog[open] [data-testid=load-default]")?;
            // The engine counts as ready until the old model is gone.
            wait_for_end(session, before)?;
            wait_until_ready(session)?;
        }
        let state = wait_for_end(session, before)?;
        ensure!(
            state == "aborted" || state == "failed",
            "the old model's answer ended as {state:?}"
        );
        let messages = conversation(session)?;
        ensure!(
            messages.len() == 2 * (before + 1),
            "the conversation is {messages:?}"
        );
        check_answers(session)?;
    }
    Ok(())
}

fn open_and_close(session: &Session) -> Result<()> {
    session.click("[data-testid=change-model]")?;
    session.click("[data-testid=model-close]")?;
    session.wait_for("the dialog to close", SOON, || {
        Ok((session.count("dialog[open]")? == 0).then_some(()))
    })
}
