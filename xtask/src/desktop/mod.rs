//! `cargo xtask desktop`: sets up a bare machine, builds the desktop program, and starts or packages it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;
use crate::page::{self, Build, embed};
use crate::project::Project;
use crate::setup::desktop;

mod bundle;
mod clean;

/// Name of the program's cargo package and of its executable.
const PROGRAM: &str = "llamaglass-desktop";

/// Arguments of `desktop`.
#[derive(clap::Args)]
pub struct Args {
    /// Model to start with: a GGUF file or a Hugging Face folder (default: the default model, which is
    /// fetched).
    model: Option<PathBuf>,
    /// Build the program without starting it.
    #[arg(long)]
    no_run: bool,
    /// Build the small page that ships, which takes many minutes the first time (default: a quick build).
    #[arg(long)]
    release: bool,
    /// Build installable packages instead of starting the program; implies --release.
    #[arg(long, conflicts_with_all = ["model", "no_run"])]
    bundle: bool,
    /// Test the .deb in a fresh Debian 12 in a temporary folder, as before a release; needs root.
    #[arg(long, hide = true, requires = "bundle")]
    try_clean: bool,
}

/// Installs what is missing, builds the page and the program, and starts the program or builds packages of it.
///
/// # Errors
/// If a step fails; the message says what to do.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    // Checked first, so that a wrong path is reported now and not after ten minutes of building.
    let named = args.model.as_deref().map(absolute).transpose()?;
    let small = args.release || args.bundle;
    desktop::ensure()?;
    let build = if small { Build::Small } else { Build::Quick };
    let wants_default = named.is_none() && !args.no_run && !args.bundle;
    let default = page::set_up(project, build, wants_default)?;
    let model = named.or(default);
    embed::fill(project)?;
    let program = build_program(project)?;
    if args.bundle {
        let package = bundle::run(project)?;
        return match package.filter(|_| args.try_clean) {
            Some(package) => clean::run(project, &package),
            None => Ok(()),
        };
    }
    if args.no_run {
        println!("\nLlamaglass is at {}", program.display());
        return Ok(());
    }
    let mut start = Command::new(program);
    start.args(model);
    command::run(&mut start)
}

/// Builds the program as it ships and returns its path. Builds the command along with it, so that their
/// dependencies have the same features and are built once.
fn build_program(project: &Project) -> Result<PathBuf> {
    let mut build = command::cargo(&project.root);
    build.args(["build", "--release", "--locked"]).args([
        "--package",
        PROGRAM,
        "--package",
        "llamaglass",
    ]);
    command::run(&mut build)?;
    let file = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    Ok(project.target.join("release").join(file))
}

/// Returns the model's absolute path, which stays valid whichever folder the program is started in.
fn absolute(model: &Path) -> Result<PathBuf> {
    model
        .canonicalize()
        .with_context(|| format!("there is no model {}", model.display()))
}
