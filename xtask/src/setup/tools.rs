//! Finds trunk, wasm-bindgen and wasm-opt, and installs those that are missing.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::npm;
use crate::command::Cancellation;
use crate::project::Project;
use crate::timings::{Timing, Words};
use crate::{command, machine};

/// Version of trunk that builds with our compiler.
const TRUNK: &str = "0.21.14";

/// Version of Binaryen that is installed, and the oldest major version that is accepted.
const BINARYEN: &str = "132.0.0";
const OLDEST_BINARYEN: u32 = 120;

/// Settings of the profile with which cargo builds the tools. Building takes minutes and running seconds, so only
/// the crates in which a tool spends its time are optimised ([`Tool::hot`]). wasm-bindgen and trunk define
/// different profiles; with the same one they share dependencies.
const PROFILE: [&str; 5] = [
    "opt-level=0",
    "lto=\"off\"",
    "codegen-units=16",
    "debug=false",
    "panic=\"unwind\"",
];

/// A program that cargo can install.
pub struct Tool {
    program: &'static str,
    /// The crate it comes from.
    package: &'static str,
    /// The version to install.
    version: String,
    /// Further arguments of `cargo install`.
    options: &'static [&'static str],
    /// Crates that are optimised.
    hot: &'static [&'static str],
    /// Estimated build time on two idle cores.
    estimate: Duration,
    /// Returns true if the installed version is accepted.
    fits: fn(installed: &str, wanted: &str) -> bool,
}

/// Returns wasm-bindgen, in the lock file's version, and trunk, in the order of installation.
fn all(lock: &str) -> Result<[Tool; 2]> {
    let bindgen =
        locked_version(lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    Ok([
        Tool {
            program: "wasm-bindgen",
            package: "wasm-bindgen-cli",
            version: bindgen.to_owned(),
            // Not `--locked`: its lock file names a crate that some registry mirrors don't have.
            // Without TLS, which only a remote WebDriver would need.
            options: &[
                "--no-default-features",
                "--bin=wasm-bindgen",
                "--bin=wasm-bindgen-test-runner",
            ],
            hot: &[
                "walrus",
                "wasmparser",
                "wasm-encoder",
                "leb128fmt",
                "wasm-bindgen-cli-support",
                "hashbrown",
                "indexmap",
                "id-arena",
            ],
            estimate: Duration::from_secs(75),
            fits: |installed, wanted| installed == wanted,
        },
        Tool {
            program: "trunk",
            package: "trunk",
            version: TRUNK.to_owned(),
            // Without TLS, which it would need to serve https, to look for its own updates and to
            // download the tools that are installed here.
            options: &["--locked", "--no-default-features"],
            hot: &["sha2", "seahash"],
            estimate: Duration::from_secs(150),
            fits: |installed, _| installed.starts_with("0.21."),
        },
    ])
}

/// Returns the tools to install: those that are missing and those in a version that does not fit.
pub fn missing(project: &Project) -> Result<Vec<Tool>> {
    let lock =
        fs::read_to_string(project.root.join("Cargo.lock")).context("could not read Cargo.lock")?;
    Ok(all(&lock)?
        .into_iter()
        .filter(|tool| !tool.is_installed(project))
        .collect())
}

/// Installs trunk and wasm-bindgen if they are missing.
pub fn ensure(project: &Project) -> Result<()> {
    let missing = missing(project)?;
    for tool in &missing {
        println!(
            "Installing {tool} into {} (about {} on two cores)",
            project.tools().display(),
            Words(tool.estimate)
        );
    }
    install(project, &missing, command::run).map(drop)
}

/// Installs the tools one after the other, with cargo's output in [`log`].
///
/// # Errors
/// If cargo can't install a tool, or `cancellation` is set.
pub fn install_logged(
    project: &Project,
    tools: &[Tool],
    cancellation: &Cancellation,
) -> Result<Vec<Timing>> {
    let log = log(project);
    // Removes the log of an earlier installation.
    let _ = fs::remove_file(&log);
    install(project, tools, |command| {
        command::run_logged(command, &log, cancellation)
    })
}

/// Returns the path of the log of [`install_logged`].
pub fn log(project: &Project) -> PathBuf {
    project.cache.join("tools/install.log")
}

fn install(
    project: &Project,
    tools: &[Tool],
    run: impl Fn(&mut Command) -> Result<()>,
) -> Result<Vec<Timing>> {
    let mut timings = Vec::new();
    for tool in tools {
        let start = Instant::now();
        run(&mut tool.install_command(project)?)?;
        ensure!(
            tool.is_installed(project),
            "{tool} was installed but does not run"
        );
        timings.push(Timing {
            step: tool.to_string(),
            duration: start.elapsed(),
        });
    }
    let scratch = scratch(project);
    if scratch.exists() {
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("could not remove {}", scratch.display()))?;
    }
    Ok(timings)
}

/// Returns the folder in which the tools are built. It is kept if an installation is interrupted, so that the next
/// attempt continues it.
fn scratch(project: &Project) -> PathBuf {
    project.cache.join("tools/target")
}

/// Installs wasm-opt if none is there that supports current modules. Only the small build of the page needs it.
///
/// Debian 12's wasm-opt, from 2022, mistakes the first table of a module for the exported one, so that the page
/// would not start. So npm's is installed, which runs in node.
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

/// Returns true if the first wasm-opt that trunk would find is new enough.
pub fn has_wasm_opt(project: &Project) -> bool {
    machine::find_program("wasm-opt", &project.tools())
        .and_then(|path| command::output(Command::new(path).arg("--version")).ok())
        .and_then(|text| text.split_whitespace().nth(2)?.parse().ok())
        .is_some_and(|found: u32| found >= OLDEST_BINARYEN)
}

/// Links wasm-opt's `program` into the folder of our tools.
fn link(program: &Path, tools: &Path) -> Result<()> {
    super::ensure_folder(tools)?;
    let link = tools.join("wasm-opt");
    // An earlier set-up may have left a link, perhaps a broken one.
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
    /// Estimated build time on two idle cores.
    pub fn estimate(&self) -> Duration {
        self.estimate
    }

    fn is_installed(&self, project: &Project) -> bool {
        machine::find_program(self.program, &project.tools())
            .and_then(|path| command::output(Command::new(path).arg("--version")).ok())
            .is_some_and(|text| {
                version_in(&text).is_some_and(|found| (self.fits)(found, &self.version))
            })
    }

    fn install_command(&self, project: &Project) -> Result<Command> {
        let root = project.cache.join("tools");
        let mut install = Command::new("cargo");
        // Runs outside the checkout, whose cargo configuration does not apply to the tools.
        install
            .current_dir(super::ensure_folder(&root)?)
            .env("CARGO_TARGET_DIR", scratch(project))
            .args(["install", self.package, "--version", &self.version])
            .args(["--force", "--root"])
            .arg(&root)
            .args(self.options);
        for setting in PROFILE {
            install.args(["--config", &format!("profile.release.{setting}")]);
        }
        for package in self.hot {
            install.args([
                "--config",
                &format!("profile.release.package.{package}.opt-level=2"),
            ]);
        }
        command::remove_cargo_variables(&mut install);
        Ok(install)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.program, self.version)
    }
}

/// Parses the version in a program's line `NAME VERSION`.
fn version_in(text: &str) -> Option<&str> {
    text.split_whitespace().nth(1)
}

/// Returns a crate's version in a lock file.
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
    fn locked_version_is_read_from_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "trunk"), None);
    }

    #[test]
    fn version_is_read_from_program_output() {
        assert_eq!(version_in("trunk 0.21.14\n"), Some("0.21.14"));
        assert_eq!(version_in("wasm-bindgen 0.2.130 (abc)"), Some("0.2.130"));
        assert_eq!(version_in(""), None);
    }
    /// Returns a project whose tools folder contains programs that only print a version.
    #[cfg(unix)]
    fn project_with(programs: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a scratch folder");
        let project = Project {
            root: folder.path().to_path_buf(),
            cache: folder.path().join("cache"),
            target: folder.path().join("target"),
        };
        let lock = "name = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        fs::write(project.root.join("Cargo.lock"), lock).expect("written");
        fs::create_dir_all(project.tools()).expect("created");
        for (name, version) in programs {
            let program = project.tools().join(name);
            fs::write(&program, format!("#!/bin/sh\necho {name} {version}\n")).expect("written");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
        }
        (folder, project)
    }

    #[cfg(unix)]
    fn missing_from(programs: &[(&str, &str)]) -> Vec<String> {
        let (_folder, project) = project_with(programs);
        let missing = missing(&project).expect("looked at");
        missing.iter().map(Tool::to_string).collect()
    }

    #[cfg(unix)]
    #[test]
    fn installed_tools_are_not_installed_again() {
        let (_folder, project) = project_with(&[("wasm-bindgen", "0.2.130"), ("trunk", "0.21.9")]);
        let missing = missing(&project).expect("looked at");
        install(&project, &missing, |_| panic!("nothing is missing")).expect("nothing to do");
        assert!(missing.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn tools_in_other_versions_are_installed_again() {
        assert_eq!(
            missing_from(&[("wasm-bindgen", "0.2.129"), ("trunk", "0.21.14")]),
            ["wasm-bindgen 0.2.130"]
        );
        assert_eq!(
            missing_from(&[("wasm-bindgen", "0.2.130"), ("trunk", "0.20.3")]),
            [format!("trunk {TRUNK}")]
        );
    }

    #[cfg(unix)]
    #[test]
    fn failed_installation_is_named() {
        let (_folder, project) = project_with(&[("wasm-bindgen", "0.2.1"), ("trunk", "0.1.0")]);
        let missing = missing(&project).expect("looked at");
        // An installation that leaves the old program in place.
        let error = install(&project, &missing, |_| Ok(())).expect_err("it is still the old one");
        assert!(
            error.to_string().contains("wasm-bindgen 0.2.130"),
            "{error}"
        );
    }
}
