//! Tests the `.deb` on a clean Debian 12 before a release: installs, drives and removes it in a new system
//! below a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::e2e;
use crate::project::Project;
use crate::setup::{apt, desktop};
use crate::{command, machine};

/// Code name of Debian 12.
const RELEASE: &str = "bookworm";
/// A real model of 230 kB; the path is relative to the checkout.
const MODEL: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";

/// Installs the package in a new system, drives the program there, keeps a screenshot, and removes the package.
pub fn run(project: &Project, package: &Path) -> Result<()> {
    ensure!(
        machine::is_root(),
        "only root may set up a system below a folder"
    );
    apt::ensure(&["debootstrap"], "debootstrap, which sets up a Debian,")?;
    desktop::ensure_driver()?;
    let system = tempfile::tempdir().context("no folder for a system")?;
    let root = system.path();
    let mut debootstrap = Command::new("debootstrap");
    command::run(debootstrap.args(["--variant=minbase", RELEASE]).arg(root))?;
    copy_in(package, root, "llamaglass.deb")?;
    copy_in(&project.root.join(MODEL), root, "tiny.gguf")?;
    command::run(&mut inside(root, &["apt-get", "update"]))?;
    let install = ["apt-get", "install", "--yes", "--no-install-recommends"];
    command::run(inside(root, &install).arg("/llamaglass.deb"))?;

    // WebKit reads /proc, so the program gets a mount of its own, which disappears when it exits.
    let below = format!("--root={}", root.display());
    let start = [
        "unshare",
        "--mount",
        "--mount-proc",
        &below,
        "llamaglass-desktop",
    ];
    let start = start.map(str::to_owned);
    let picture = e2e::desktop::try_installed(project, start.into(), Path::new("/tiny.gguf"))?;

    command::run(&mut inside(root, &["dpkg", "--remove", "llamaglass"]))?;
    let remaining = root.join("usr/bin/llamaglass-desktop");
    ensure!(
        !remaining.exists(),
        "{} was not removed",
        remaining.display()
    );
    println!(
        "The package installs, runs and is removed on a clean Debian 12; see {}",
        picture.display()
    );
    Ok(())
}

/// Returns a command that runs in the system below `root`.
fn inside(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("chroot");
    command
        .arg(root)
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn copy_in(file: &Path, root: &Path, name: &str) -> Result<PathBuf> {
    let to = root.join(name);
    fs::copy(file, &to).with_context(|| format!("could not copy {}", file.display()))?;
    Ok(to)
}
