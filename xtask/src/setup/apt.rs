//! Installs Debian packages.

use std::process::Command;
use std::sync::Once;

use anyhow::{Result, bail};

use crate::{command, machine};

static LISTS: Once = Once::new();

/// Installs the packages that are missing, after printing which and why.
///
/// # Errors
/// If this is not Debian, or packages are missing and this process is not root; the message says what to do
/// instead. Also if apt fails.
pub fn ensure(packages: &[&str], why: &str) -> Result<()> {
    if !machine::is_debian() {
        bail!(
            "{why} missing. On Debian this command would install: {}. Install your system's \
             equivalent and run it again.",
            packages.join(" ")
        );
    }
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|name| !is_installed(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !machine::is_root() {
        bail!(
            "{why} missing, and only root may install packages. Type this and run the command \
             again:\n    sudo apt-get install --no-install-recommends {}",
            missing.join(" ")
        );
    }
    println!("Installing for {why}: {}", missing.join(" "));
    // A bare machine has no package lists; one refresh per run is enough. If it fails, the installation reports
    // an error.
    LISTS.call_once(|| {
        if let Err(error) = command::run(apt_get().arg("update")) {
            println!("{error}");
        }
    });
    command::run(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(missing),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet");
    command
}

fn is_installed(package: &str) -> bool {
    command::output(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}
