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
    println!("Installing {package} (npm) into {}", folder.display());
    let mut install = Command::new("npm");
    install
        .args(["install", "--no-audit", "--no-fund", "--prefix"])
        .arg(ensure_folder(folder)?)
        .arg(package);
    command::run(&mut install)
}
