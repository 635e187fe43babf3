//! trunk, wasm-bindgen and wasm-opt: taken from where they are, installed where they are not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::npm;
use crate::project::Project;
use crate::{command, machine};

/// The release of trunk that builds with our compiler.
const TRUNK: &str = "0.21.14";

/// The release of Binaryen that is installed, and the oldest that will do.
const BINARYEN: &str = "132.0.0";
const OLDEST_BINARYEN: u32 = 120;

/// A program that cargo can install.
struct Tool {
    /// What is run.
    program: &'static str,
    /// The crate it comes from.
    package: &'static str,
    /// The version to install.
    version: String,
    /// Whether the crate's own lock file is used. wasm-bindgen-cli's names a crate that some
    /// registry mirrors don't have.
    locked: bool,
    /// Whether an installed version will do.
    fits: fn(installed: &str, wanted: &str) -> bool,
}

/// Makes sure that trunk and wasm-bindgen are there, in the lock file's version.
///
/// # Errors
/// Where the lock file names no wasm-bindgen, or cargo can't install.
pub fn ensure(project: &Project) -> Result<()> {
    let lock =
        fs::read_to_string(project.root.join("Cargo.lock")).context("could not read Cargo.lock")?;
    let bindgen =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    let tools = [
        Tool {
            program: "wasm-bindgen",
            package: "wasm-bindgen-cli",
            version: bindgen.to_owned(),
            locked: false,
            fits: |installed, wanted| installed == wanted,
        },
        Tool {
            program: "trunk",
            package: "trunk",
            version: TRUNK.to_owned(),
            locked: true,
            fits: |installed, _| installed.starts_with("0.21."),
        },
    ];
    let missing: Vec<&Tool> = tools
        .iter()
        .filter(|tool| !tool.is_there(project))
        .collect();
    for tool in &missing {
        println!(
            "Installing {} {} into {}",
            tool.package,
            tool.version,
            project.tools().display()
        );
    }
    missing.iter().try_for_each(|tool| tool.install(project))?;
    let scratch = scratch(project);
    if scratch.exists() {
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("could not remove {}", scratch.display()))?;
    }
    Ok(())
}

/// Where the tools are built: kept between attempts, so that an interrupted one goes on where it was.
fn scratch(project: &Project) -> PathBuf {
    project.cache.join("tools/target")
}

/// Makes sure that a wasm-opt is there that understands today's modules, which only the small build
/// of the page needs.
///
/// Debian 12's own, of 2022, takes the first of a module's tables for the one that is exported: the
/// page would not start. So npm's is installed, which runs in node.
///
/// # Errors
/// Where it is missing and can't be installed.
pub fn ensure_wasm_opt(project: &Project) -> Result<()> {
    if has_wasm_opt(project) {
        return Ok(());
    }
    npm::ensure(project, "wasm-opt (Binaryen)")?;
    let folder = project.cache.join("tools/binaryen");
    npm::install(&format!("binaryen@{BINARYEN}"), &folder)?;
    let program = folder.join("node_modules/binaryen/bin/wasm-opt");
    link(&program, &project.tools())?;
    ensure!(
        has_wasm_opt(project),
        "wasm-opt {BINARYEN} was installed but does not run"
    );
    Ok(())
}

/// Whether the first wasm-opt that trunk would find is new enough.
fn has_wasm_opt(project: &Project) -> bool {
    machine::find_program("wasm-opt", &project.tools())
        .and_then(|path| command::output(Command::new(path).arg("--version")).ok())
        .and_then(|text| text.split_whitespace().nth(2)?.parse().ok())
        .is_some_and(|found: u32| found >= OLDEST_BINARYEN)
}

/// Makes `program` one of our tools.
fn link(program: &Path, tools: &Path) -> Result<()> {
    super::ensure_folder(tools)?;
    let link = tools.join("wasm-opt");
    // What an earlier set-up left there, perhaps broken.
    let _ = fs::remove_file(&link);
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(program, &link);
    #[cfg(not(unix))]
    let made = fs::write(
        link.with_extension("cmd"),
        format!("@node \"{}\" %*\r\n", program.display()),
    );
    made.with_context(|| format!("could not write {}", link.display()))
}

impl Tool {
    fn is_there(&self, project: &Project) -> bool {
        machine::find_program(self.program, &project.tools())
            .and_then(|path| command::output(Command::new(path).arg("--version")).ok())
            .is_some_and(|text| {
                version_in(&text).is_some_and(|found| (self.fits)(found, &self.version))
            })
    }

    fn install(&self, project: &Project) -> Result<()> {
        let root = project.cache.join("tools");
        let mut install = Command::new("cargo");
        install
            .args([
                "install",
                self.package,
                "--version",
                &self.version,
                "--force",
                "--root",
            ])
            .arg(&root)
            .env("CARGO_TARGET_DIR", scratch(project))
            .current_dir(super::ensure_folder(&root)?);
        if self.locked {
            install.arg("--locked");
        }
        command::run(&mut install)?;
        ensure!(
            self.is_there(project),
            "{} was installed but does not run",
            self.program
        );
        Ok(())
    }
}

/// The version in a program's `NAME VERSION` line.
fn version_in(text: &str) -> Option<&str> {
    text.split_whitespace().nth(1)
}

/// The version that a lock file gives for a crate.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    lock.lines()
        .skip_while(|line| *line != name)
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_decides_the_version() {
        let lock = "[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "trunk"), None);
    }

    #[test]
    fn a_version_line_is_read() {
        assert_eq!(version_in("trunk 0.21.14\n"), Some("0.21.14"));
        assert_eq!(version_in("wasm-bindgen 0.2.130 (abc)"), Some("0.2.130"));
        assert_eq!(version_in(""), None);
    }
}
