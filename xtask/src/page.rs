//! Building the page with trunk.

use std::process::Command;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::setup::wasm::Toolchain;
use crate::{command, machine};

/// Cargo's profile for daily work on the page, and for the tests in a browser.
pub const QUICK_PROFILE: &str = "web-dev";
/// Cargo's profile for what ships.
const SMALL_PROFILE: &str = "web";

/// How the page is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Built fast, for daily work.
    Quick,
    /// Built small, as it ships: minutes, not seconds.
    Small,
}

/// Builds the page into the project's `dist/`.
///
/// # Errors
/// Where trunk or what it starts fails.
pub fn build(project: &Project, toolchain: Toolchain, build: Build) -> Result<()> {
    let program =
        machine::find_program("trunk", &project.tools()).context("trunk is not installed")?;
    let mut trunk = toolchain.command(program);
    with_tools(project, &mut trunk);
    // trunk takes only `true` and `false` in this variable, and stops at the usual `1`.
    trunk
        .arg("build")
        .current_dir(&project.root)
        .env_remove("NO_COLOR");
    match build {
        Build::Quick => trunk.args(["--cargo-profile", QUICK_PROFILE]),
        // `--release` is what makes trunk run wasm-opt.
        Build::Small => trunk.args(["--release", "--cargo-profile", SMALL_PROFILE]),
    };
    command::run(&mut trunk)
}

/// Lets the command find the tools that the set-up installed.
pub fn with_tools(project: &Project, command: &mut Command) {
    command.env("PATH", machine::path_with(&project.tools()));
}
