//! Installs npm packages, which contain prebuilt programs.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{apt, ensure_folder};
use crate::project::Project;
use crate::{command, machine};

/// Installs npm if it is missing; messages say that it is needed to install `what`.
pub fn ensure(project: &Project, what: &str) -> Result<()> {
    if machine::find_program("npm", &project.tools()).is_some() {
        return Ok(());
    }
    apt::ensure(&["nodejs", "npm"], &format!("npm, to install {what}"))
}

/// Installs the package (`NAME@VERSION`) into a folder of its own.
pub fn install(package: &str, folder: &Path) -> Result<()> {
    install_with(&[], &[package], folder)
}

/// Installs packages without running their scripts and without their optional dependencies, for packages that would
/// otherwise compile something, or fetch programs for hardware that is not used.
pub fn install_without_scripts(packages: &[&str], folder: &Path) -> Result<()> {
    install_with(&["--ignore-scripts", "--omit=optional"], packages, folder)
}

fn install_with(flags: &[&str], packages: &[&str], folder: &Path) -> Result<()> {
    println!(
        "Installing {} (npm) into {}",
        packages.join(" and "),
        folder.display()
    );
    let mut install = Command::new("npm");
    install
        .args(["install", "--no-audit", "--no-fund"])
        .args(flags)
        .arg("--prefix")
        .arg(ensure_folder(folder)?)
        .args(packages);
    command::run(&mut install)
}
