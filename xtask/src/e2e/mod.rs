//! The check `e2e` of `cargo xtask test`: drives the page as it ships in a real Chromium as a user would. The
//! check `desktop` does so in the program's own window.
//!
//! The page and the default model come from our own server on a free port, or from `llamaglass serve`;
//! every scenario has a browser session of its own. Screenshots of failed scenarios are in `target/e2e/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::context::{Context, Verdict};
use crate::project::Project;
use crate::setup::model;
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
mod sources;
mod steps;
mod webdriver;

use coverage::Coverage;
use driver::Driver;
use session::Session;

/// A task that a user performs with the page.
struct Scenario {
    /// Name in messages and in the names of screenshots.
    name: &'static str,
    run: Run,
}

/// Function that runs a scenario.
enum Run {
    Site(fn(session: &Session, site: &Site) -> Result<()>),
    /// Needs only the page's address.
    Page(fn(session: &Session, url: &str) -> Result<()>),
}

impl Scenario {
    const fn new(
        name: &'static str,
        run: fn(session: &Session, site: &Site) -> Result<()>,
    ) -> Self {
        let run = Run::Site(run);
        Self { name, run }
    }

    const fn page(name: &'static str, run: fn(session: &Session, url: &str) -> Result<()>) -> Self {
        let run = Run::Page(run);
        Self { name, run }
    }
}

impl outcome::Scenario for &Scenario {
    fn name(&self) -> &'static str {
        self.name
    }

    fn may_run_beside_others(&self) -> bool {
        self.name.starts_with(explore::WALK)
    }
}

/// Everything that a scenario can use.
struct Site {
    /// The page's address.
    url: String,
    /// The checkout.
    root: PathBuf,
    /// The page's files.
    dist: PathBuf,
    /// The native command.
    program: PathBuf,
    /// The default model.
    model: PathBuf,
    /// The controls that all sessions so far have seen and used.
    coverage: Coverage,
}

impl Site {
    /// Serves the built page. `program` is the native command, `model` the default model.
    fn serve(project: &Project, program: PathBuf, model: PathBuf) -> Result<Self> {
        let dist = project.dist();
        let router = serve::router(&dist, &project.models(), model::entries());
        Ok(Self {
            url: serve::serve_in_background(0, router)?,
            root: project.root.clone(),
            dist,
            program,
            model,
            coverage: Coverage::default(),
        })
    }
}

/// Builds the page, serves it, and runs every scenario even if one fails.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    context.page()?;
    let program = product::build(context)?;
    let site = Site::serve(context.project, program, context.model()?.to_path_buf())?;
    attempt_all(
        context.project,
        &site,
        &scenarios::ALL.iter().collect::<Vec<_>>(),
    )
}

/// Runs the scenarios with these names on the page in `dist/` as it is, for developers.
fn run_named(project: &Project, names: &[String]) -> Result<()> {
    for name in names {
        ensure!(
            scenarios::ALL.iter().any(|scenario| scenario.name == name),
            "unknown scenario {name:?}; expected one of: {}",
            scenarios::ALL
                .iter()
                .map(|scenario| scenario.name)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    let named: Vec<&Scenario> = scenarios::ALL
        .iter()
        .filter(|scenario| names.iter().any(|name| name == scenario.name))
        .collect();
    let program = product::program(project, "llamaglass");
    let site = Site::serve(project, program, model::ensure(project)?)?;
    attempt_all(project, &site, &named).map(drop)
}

/// Runs the scenarios, each in a session of its own.
fn attempt_all(project: &Project, site: &Site, scenarios: &[&Scenario]) -> Result<Verdict> {
    let folder = folder(project)?;
    let driver = chromium::start(&folder)?;
    outcome::attempt_all("e2e", scenarios, |scenario| {
        attempt(&driver, scenario, site, &folder)
    })
}

/// Returns the folder for screenshots and logs.
fn folder(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("e2e");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}

/// Runs a scenario in a fresh session; if it fails, keeps a screenshot and prints the console.
fn attempt(driver: &Driver, scenario: &Scenario, site: &Site, folder: &Path) -> Result<()> {
    let session = Session::start(driver, &chromium::capabilities(folder), folder)?;
    let outcome = match scenario.run {
        Run::Site(run) => run(&session, site),
        Run::Page(run) => run(&session, &site.url),
    };
    let outcome = outcome.and_then(|()| session.check_console());
    site.coverage.merge(session.coverage());
    if outcome.is_err() {
        session.keep_evidence(&format!("failed-{}", scenario.name));
    }
    outcome
}
