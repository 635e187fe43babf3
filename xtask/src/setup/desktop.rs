//! Installs what the desktop program needs: on Linux, the system's WebKit, which shows its page. Windows and
//! macOS come with a browser engine.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{apt, npm};
use crate::project::Project;
use crate::{command, machine};

/// Packages that are needed to build the program, besides a C compiler.
const BUILD: [&str; 2] = ["libwebkit2gtk-4.1-dev", "pkg-config"];
/// Packages that are needed to drive the program's window on a display and a bus of its own.
const DRIVE: [&str; 4] = ["webkit2gtk-driver", "xvfb", "xdotool", "dbus"];
/// Programs in the packages of [`DRIVE`].
const DRIVE_PROGRAMS: [&str; 4] = ["WebKitWebDriver", "Xvfb", "xdotool", "dbus-daemon"];

/// Version of Tauri's command that is installed.
const TAURI_CLI: &str = "2.12.5";

/// Installs what is missing to build the program.
pub fn ensure() -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        return Ok(());
    }
    let mut ask = Command::new("pkg-config");
    if command::output(ask.args(["--exists", "webkit2gtk-4.1"])).is_ok() {
        return Ok(());
    }
    apt::ensure(
        &BUILD,
        "WebKitGTK 4.1, which the desktop program is built on,",
    )
}

/// Installs what is missing to drive the program's window.
///
/// # Errors
/// Same as [`ensure()`].
pub fn ensure_driver() -> Result<()> {
    let is_there = |name: &&str| machine::find_program(name, Path::new("")).is_some();
    if cfg!(not(target_os = "linux")) || DRIVE_PROGRAMS.iter().all(is_there) {
        return Ok(());
    }
    apt::ensure(
        &DRIVE,
        "WebKitWebDriver, Xvfb, xdotool and dbus, which drive the window,",
    )
}

/// Returns Tauri's command: an installed one, else npm's prebuilt one, else one that cargo builds.
pub fn tauri(project: &Project) -> Result<Command> {
    if let Some(program) = machine::find_program("cargo-tauri", &project.tools()) {
        let mut tauri = Command::new(program);
        // Cargo passes the subcommand's name as the first argument.
        tauri.arg("tauri");
        return Ok(tauri);
    }
    if npm::ensure(project, "Tauri's command").is_err() {
        println!("Installing tauri-cli {TAURI_CLI} (cargo)");
        let mut install = Command::new("cargo");
        install
            .args(["install", "tauri-cli", "--locked", "--version", TAURI_CLI])
            .arg("--root")
            .arg(project.cache.join("tools"));
        command::run(&mut install)?;
        return tauri(project);
    }
    let folder = project
        .cache
        .join("tools")
        .join(format!("tauri-{TAURI_CLI}"));
    let script = folder.join("node_modules/@tauri-apps/cli/tauri.js");
    if !script.is_file() {
        npm::install(&format!("@tauri-apps/cli@{TAURI_CLI}"), &folder)?;
    }
    let mut tauri = Command::new("node");
    tauri.arg(script);
    Ok(tauri)
}
