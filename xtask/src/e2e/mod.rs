//! The page as it ships, in a real Chromium, driven the way a person would: `e2e` of
//! `cargo xtask test`; and in the program's own window: its `desktop`.
//!
//! The page and the default model come from our own server on a free port, or from `llamaglass serve`;
//! every scenario has a browser session of its own. What a failed scenario looked like lies in `target/e2e/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::setup::model;
use crate::test::{Context, Verdict};
use crate::{product, serve};

pub mod chromium;
mod console;
mod coverage;
pub mod desktop;
mod driver;
pub mod explore;
mod other_server;
mod outcome;
mod scenarios;
mod session;
mod webdriver;

use driver::Driver;
use session::Session;

/// One thing a person does with the page.
struct Scenario {
    /// What it is called in messages and in the names of screenshots.
    name: &'static str,
    /// Does it.
    run: fn(session: &Session, site: &Site) -> Result<()>,
}

/// What there is to be used.
struct Site {
    /// The page's address.
    url: String,
    /// The page's files.
    dist: PathBuf,
    /// The native command.
    program: PathBuf,
    /// The default model.
    model: PathBuf,
}

/// Builds the page, serves it, and runs every scenario, also where one fails.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    context.page()?;
    let folder = folder(context.project)?;
    let project = context.project;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let site = Site {
        url: serve::serve_in_background(0, router)?,
        dist: project.dist(),
        program: product::build(context)?,
        model: context.model()?.to_path_buf(),
    };
    let driver = chromium::start(&folder)?;
    outcome::attempt_all(
        "e2e",
        &scenarios::all(),
        |scenario| scenario.name,
        |scenario| attempt(&driver, scenario, &site, &folder),
    )
}

/// Where screenshots and logs go.
fn folder(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("e2e");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}

/// Runs a scenario in a fresh session; where it fails, keeps what there was to see.
fn attempt(driver: &Driver, scenario: &Scenario, site: &Site, folder: &Path) -> Result<()> {
    let session = Session::start(driver, &chromium::capabilities(), folder)?;
    let outcome = (scenario.run)(&session, site);
    if outcome.is_err() {
        session.keep_evidence(&format!("failed-{}", scenario.name));
    }
    outcome
}
