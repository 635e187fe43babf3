//! The explorer: a seeded random walk over every control of the page that is visible and enabled.
//!
//! After every action the page must react, its console must be free of errors, and every control must be within
//! reach. At regular intervals, and at the end, the conversation must still answer.

use std::fs;

use anyhow::{Context as _, Result};

use super::other_server::OtherServer;
use super::steps::{tiny_files, tiny_folder};
use super::{Session, Site, chromium};
use crate::page::{self, Build};
use crate::project::Project;
use crate::serve;
use crate::setup::{browser, model};

mod action;
mod chooser;
mod home;
mod plan;
pub(super) mod snapshot;
mod values;
mod walk;

use chooser::Files;
use plan::{Backend, Model, Plan};
use walk::Walk;

/// Name prefix of walks among the scenarios of `cargo xtask test`.
pub(super) const WALK: &str = "walk-";

/// The walks of `cargo xtask test`: each model on each backend, in a wide or in a narrow window.
const WALKS: [Plan; 4] = [
    Plan {
        seed: 1,
        actions: 100,
        backend: Backend::Cpu,
        model: Model::Default,
        width: 1280,
        height: 800,
    },
    Plan {
        seed: 2,
        actions: 150,
        backend: Backend::Cpu,
        model: Model::Tiny,
        width: 390,
        height: 844,
    },
    Plan {
        seed: 3,
        actions: 80,
        backend: Backend::Webgpu,
        model: Model::Tiny,
        width: 1280,
        height: 800,
    },
    Plan {
        seed: 4,
        actions: 50,
        backend: Backend::Webgpu,
        model: Model::Default,
        width: 390,
        height: 844,
    },
];

/// Arguments of `explore`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    plan: Plan,
    /// Use the page in dist/ as is, without building it.
    #[arg(long)]
    no_build: bool,
    /// Run this scenario of the check `e2e` instead of a random walk; may be given more than once.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
}

/// Takes one walk, or runs the given scenarios.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    browser::ensure()?;
    if args.no_build {
        model::ensure(project)?;
    } else {
        page::set_up(project, Build::Quick, true)?;
    }
    if !args.scenario.is_empty() {
        return super::run_named(project, &args.scenario);
    }
    let folder = super::folder(project)?;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let url = serve::serve_in_background(0, router)?;
    let driver = chromium::start(&folder)?;
    let session = Session::start(&driver, &chromium::capabilities(&folder), &folder)?;
    println!("{}", args.plan);
    let outcome = explore(&session, &url, project, args.plan, true);
    if outcome.is_err() {
        session.keep_evidence(&format!("failed-explore-{}", args.plan.seed));
    }
    outcome
}

/// Takes one of the walks of `cargo xtask test`.
pub(super) fn walk(session: &Session, site: &Site, index: usize) -> Result<()> {
    explore(session, &site.url, &Project::find()?, WALKS[index], false)
}

/// Walks over the page at `url`.
fn explore(
    session: &Session,
    url: &str,
    project: &Project,
    plan: Plan,
    verbose: bool,
) -> Result<()> {
    let server = OtherServer::start()?;
    let files = files(project, &format!("walk-{}", plan.seed))?;
    Walk::new(session, url, plan, files, server.url)
        .verbose(verbose)
        .run()
}

/// Creates the files that a walk hands to the page, in a folder called `name`, so that concurrent walks do not
/// share files.
pub(super) fn files(project: &Project, name: &str) -> Result<Files> {
    let made = super::folder(project)?.join("files").join(name);
    let tiny_folder = tiny_folder(&made)?;
    let write = |name: &str, text: &str| {
        let file = made.join(name);
        fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))?;
        Ok::<_, anyhow::Error>(file)
    };
    Ok(Files {
        tiny: tiny_files()?,
        bad: write("bad.gguf", "this is no model at all, but a line of text")?,
        dataset: write(
            "prompts.txt",
            "Name a colour.\nName a tree.\nCount to two.\n",
        )?,
        tiny_folder,
    })
}
