//! trunk, wasm-bindgen and wasm-opt: taken from where they are, installed where they are not.

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

/// The release of trunk that builds with our compiler.
const TRUNK: &str = "0.21.14";

/// The release of Binaryen that is installed, and the oldest that will do.
const BINARYEN: &str = "132.0.0";
const OLDEST_BINARYEN: u32 = 120;

/// How cargo builds the tools. Building takes minutes and running seconds, so only the crates in which
/// a tool spends its time are optimised ([`Tool::hot`]). wasm-bindgen and trunk name different profiles of
/// their own; with the same one they share dependencies.
const PROFILE: [&str; 5] = [
    "opt-level=0",
    "lto=\"off\"",
    "codegen-units=16",
    "debug=false",
    "panic=\"unwind\"",
];

/// A program that cargo can install.
pub struct Tool {
    /// Name of the program.
    program: &'static str,
    /// The crate it comes from.
    package: &'static str,
    /// The version to install.
    version: String,
    /// Further arguments of `cargo install`.
    options: &'static [&'static str],
    /// Crates that are optimised.
    hot: &'static [&'static str],
    /// How long cargo builds it on two cores that do nothing else.
    estimate: Duration,
    /// Whether an installed version will do.
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
///
/// # Errors
/// Where the lock file can't be read or names no wasm-bindgen.
pub fn missing(project: &Project) -> Result<Vec<Tool>> {
    let lock =
        fs::read_to_string(project.root.join("Cargo.lock")).context("could not read Cargo.lock")?;
    Ok(all(&lock)?
        .into_iter()
        .filter(|tool| !tool.is_installed(project))
        .collect())
}

/// Makes sure that trunk and wasm-bindgen are installed.
///
/// # Errors
/// Where the lock file names no wasm-bindgen, or cargo can't install.
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
/// As [`ensure()`], and where `cancellation` is set.
pub fn install_logged(
    project: &Project,
    tools: &[Tool],
    cancellation: &Cancellation,
) -> Result<Vec<Timing>> {
    let log = log(project);
    // Left by an earlier installation.
    let _ = fs::remove_file(&log);
    install(project, tools, |command| {
        command::run_logged(command, &log, cancellation)
    })
}

/// The output of [`install_logged`].
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

/// Where the tools are built: kept between attempts, so that an interrupted one goes on where it was.
fn scratch(project: &Project) -> PathBuf {
    project.cache.join("tools/target")
}

/// Makes sure that a wasm-opt is installed that understands today's modules. Only the small build of
/// the page needs it.
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
pub fn has_wasm_opt(project: &Project) -> bool {
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
    /// How long cargo builds it on two cores that do nothing else.
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
        // Outside of the checkout, whose configuration of cargo is not for the tools.
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
    /// A project whose tools folder holds programs that only print a version.
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
        // An installation that leaves the old program.
        let error = install(&project, &missing, |_| Ok(())).expect_err("it is still the old one");
        assert!(
            error.to_string().contains("wasm-bindgen 0.2.130"),
            "{error}"
        );
    }
}
