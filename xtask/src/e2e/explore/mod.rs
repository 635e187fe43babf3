//! The explorer: a seeded random walk over every control of the page that is visible and enabled.
//!
//! After every action the page must be alive, its console free of errors, and every control within
//! reach; now and then, and at the end, the conversation must still answer.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::other_server::OtherServer;
use super::{Session, chromium};
use crate::page::{self, Build};
use crate::project::Project;
use crate::serve;
use crate::setup::{browser, model, tools, wasm};

mod action;
mod chooser;
mod home;
mod plan;
mod snapshot;
mod values;
mod walk;

use chooser::Files;
use plan::Plan;
use walk::Walk;

/// A folder with a chat template and random weights, below the checkout.
const TINY: &str = "engine/tests/data/families/llama3-tiny";

/// `cargo xtask explore`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    plan: Plan,
    /// Use the page in dist/ as it is.
    #[arg(long)]
    no_build: bool,
}

/// Walks once.
///
/// # Errors
/// With what the walk found.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    browser::ensure()?;
    model::ensure(project)?;
    if !args.no_build {
        let toolchain = wasm::ensure(project)?;
        tools::ensure(project)?;
        page::build(project, toolchain, Build::Quick)?;
    }
    let folder = super::folder(project)?;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let url = serve::serve_in_background(0, router)?;
    let driver = chromium::start(&folder)?;
    let session = Session::start(&driver, &chromium::capabilities(), &folder)?;
    println!("{}", args.plan);
    let outcome = explore(&session, &url, project, args.plan);
    if outcome.is_err() {
        session.keep_evidence("failed-explore");
    }
    outcome
}

/// Walks over the page at `url`.
///
/// # Errors
/// With what the walk found.
pub fn explore(session: &Session, url: &str, project: &Project, plan: Plan) -> Result<()> {
    let server = OtherServer::start()?;
    let files = files(project)?;
    Walk::new(session, url, plan, files, server.url).run()
}

/// The files that a walk hands to the page.
fn files(project: &Project) -> Result<Files> {
    let tiny_folder = project.root.join(TINY);
    let made = super::folder(project)?.join("files");
    fs::create_dir_all(&made).with_context(|| format!("could not create {}", made.display()))?;
    let write = |name: &str, text: &str| {
        let file = made.join(name);
        fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))?;
        Ok::<_, anyhow::Error>(file)
    };
    Ok(Files {
        tiny: tiny_files(&tiny_folder)?,
        bad: write("bad.gguf", "this is no model at all, but a line of text")?,
        dataset: write("prompts.txt", "Name a colour.\nName a tree.\nCount to two.\n")?,
        tiny_folder,
    })
}

/// The model's own files, sorted by name.
fn tiny_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
