//! Files that are not models are rejected with a message, and the page stays usable.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{LOAD, SOON, wait_until_ready};
use crate::project::Project;

/// A real model of 230 kB, which is opened after the bad files; the path is relative to the checkout.
const GOOD: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";

/// Opens one bad file after the other, then a good one.
pub fn run(session: &Session, url: &str) -> Result<()> {
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
