//! The page as it ships, in a real Chromium, driven the way a person would: `e2e` of
//! `cargo xtask test`.
//!
//! The page and the default model come from our own server on a free port; every scenario has a
//! browser session of its own. What a failed scenario looked like lies in `target/e2e/`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::project::Project;
use crate::serve;
use crate::setup::model;
use crate::test::{Context, Verdict};

pub mod driver;
mod scenarios;
mod session;
mod webdriver;

use driver::Driver;
use session::Session;

/// One thing a person does with the page.
struct Scenario {
    /// What it is called in messages and in the names of screenshots.
    name: &'static str,
    /// Does it; `url` is the page's address.
    run: fn(session: &Session, url: &str) -> Result<()>,
}

/// Builds the page, serves it, and runs every scenario, also where one fails.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    context.page()?;
    let folder = folder(context.project)?;
    let project = context.project;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let url = serve::serve_in_background(0, router)?;
    let driver = Driver::start(&folder)?;
    let scenarios = scenarios::all();
    let mut failed = Vec::new();
    for scenario in &scenarios {
        println!("e2e {} ...", scenario.name);
        match attempt(&driver, scenario, &url, &folder) {
            Ok(()) => println!("e2e {} ... ok", scenario.name),
            Err(error) => {
                println!("e2e {} ... FAILED\n{error:#}", scenario.name);
                failed.push(scenario.name);
            }
        }
    }
    println!(
        "e2e: {} passed, {} failed",
        scenarios.len() - failed.len(),
        failed.len()
    );
    ensure!(
        failed.is_empty(),
        "failed in the browser: {}",
        failed.join(", ")
    );
    Ok(Verdict::PassedWith(format!(
        "{} scenarios",
        scenarios.len()
    )))
}

/// Where screenshots and logs go.
fn folder(project: &Project) -> Result<std::path::PathBuf> {
    let folder = project.target.join("e2e");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}

/// Runs a scenario in a fresh session; where it fails, keeps what there was to see.
fn attempt(driver: &Driver, scenario: &Scenario, url: &str, folder: &Path) -> Result<()> {
    let session = Session::start(driver, folder)?;
    let outcome = (scenario.run)(&session, url);
    if outcome.is_err() {
        session.keep_evidence(&format!("failed-{}", scenario.name));
    }
    outcome
}
