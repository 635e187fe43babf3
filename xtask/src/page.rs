//! Building the page with trunk.

use std::process::Command;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::setup::wasm::Toolchain;
use crate::{command, machine};

/// Cargo's profile for all that runs in a browser.
pub const PROFILE: &str = "web";

/// How the page is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As the compiler leaves it, for daily work.
    Quick,
    /// Made small by wasm-opt, as it ships: minutes, not seconds.
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
    trunk.args(["--cargo-profile", PROFILE]);
    if build == Build::Small {
        // This is what makes trunk run wasm-opt.
        trunk.arg("--release");
    }
    command::run(&mut trunk)
}

/// Lets the command find the tools that the set-up installed.
pub fn with_tools(project: &Project, command: &mut Command) {
    command.env("PATH", machine::path_with(&project.tools()));
}
