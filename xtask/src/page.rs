//! Builds the page with trunk, and installs what that needs.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::Cancellation;
use crate::project::Project;
use crate::setup::model;
use crate::setup::plan::{Needs, Plan, PlannedStep};
use crate::setup::wasm::{TARGET, Toolchain};
use crate::tasks::{self, Task};
use crate::timings::Timings;
use crate::{command, machine};

pub mod cpu;
pub mod embed;
mod stamp;

/// Cargo's profile for daily work on the page, and for the tests in a browser.
pub const QUICK_PROFILE: &str = "web-dev";
/// Cargo's profile for the page as it ships.
const SMALL_PROFILE: &str = "web";

/// Kind of build of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Built fast, for daily work.
    Quick,
    /// Built small, as it ships; takes minutes instead of seconds.
    Small,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Quick => QUICK_PROFILE,
            Self::Small => SMALL_PROFILE,
        }
    }
}

/// Installs what is missing, builds the page unless it is up to date, and returns the path of the default
/// model if `with_model` is set. Announces long steps first, and prints at the end how long each took.
///
/// # Errors
/// If a step fails; the message says what to do.
pub fn set_up(project: &Project, build: Build, with_model: bool) -> Result<Option<PathBuf>> {
    let mut timings = Timings::start();
    let needs = Needs {
        wasm_opt: build == Build::Small,
        model: with_model,
    };
    let plan = Plan::new(project, needs)?;
    let inputs = plan
        .toolchain()
        .and_then(|toolchain| stamp::inputs(project, toolchain, build).ok());
    let is_current = inputs.is_some_and(|inputs| stamp::is_current(project, &inputs));
    let model = with_model.then(|| model::path(project));
    if is_current && plan.is_empty() {
        println!("The page is up to date.");
        return Ok(model);
    }
    plan.announce(project, (!is_current).then(|| planned(project, build)));
    let is_installed = plan.is_empty();
    let toolchain = plan.install_first(project, &mut timings)?;
    if !is_installed {
        // trunk needs the tools, but cargo can compile the page while they are built.
        let compiling = (!is_current)
            .then(|| compile_task(project, toolchain, build))
            .transpose()?;
        timings.extend(tasks::run_together(compiling, plan.into_tasks(project))?);
    }
    timings.time("page, built by trunk", || {
        let _lock = lock(project)?;
        // Checked again, because another command may have built the page while this one waited.
        let inputs = stamp::inputs(project, toolchain, build).ok();
        if inputs.is_some_and(|inputs| stamp::is_current(project, &inputs)) {
            return Ok(());
        }
        run_trunk(project, toolchain, build)
    })?;
    println!("{timings}");
    Ok(model)
}

/// Builds the page into the project's `dist/`, whether or not it is up to date.
pub fn build(project: &Project, toolchain: Toolchain, build: Build) -> Result<()> {
    let _lock = lock(project)?;
    run_trunk(project, toolchain, build)
}

/// Waits until no other command builds the page, and blocks others until the returned file is closed.
fn lock(project: &Project) -> Result<File> {
    fs::create_dir_all(&project.target)
        .with_context(|| format!("could not create {}", project.target.display()))?;
    let path = project.target.join("page.lock");
    let file =
        File::create(&path).with_context(|| format!("could not write {}", path.display()))?;
    match file.try_lock() {
        // Some file systems do not support locks; the page is then built without one.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => {
            println!("Waiting for another command that builds the page");
            file.lock()
                .with_context(|| format!("could not lock {}", path.display()))?;
        }
    }
    Ok(file)
}

fn run_trunk(project: &Project, toolchain: Toolchain, build: Build) -> Result<()> {
    let program =
        machine::find_program("trunk", &project.tools()).context("trunk is not installed")?;
    let mut trunk = toolchain.command(program);
    with_tools(project, &mut trunk);
    // trunk accepts only `true` and `false` in NO_COLOR, and fails on the usual `1`.
    trunk
        .args(["build", "--cargo-profile", build.profile()])
        .current_dir(&project.root)
        .env_remove("NO_COLOR");
    if build == Build::Small {
        // Without `--release`, trunk does not run wasm-opt.
        trunk.arg("--release");
    }
    stamp::remove(project)?;
    // Described before the build, because a change during the build may or may not be in the page.
    let inputs = stamp::inputs(project, toolchain, build);
    println!("Building the CPU path's modules");
    let modules = cpu::build(project, toolchain, &Cancellation::default())?;
    command::run(&mut trunk)?;
    cpu::copy_to_page(&modules, &project.dist())?;
    match inputs.and_then(|inputs| stamp::write(project, &inputs)) {
        Ok(()) => {}
        Err(error) => println!("The next run builds the page again: {error:#}"),
    }
    Ok(())
}

/// Puts the tools that the set-up installed on the command's `PATH`.
pub fn with_tools(project: &Project, command: &mut Command) {
    command.env("PATH", machine::path_with(&project.tools()));
}

/// Returns the page's line in the announcement, with its duration on two idle cores.
fn planned(project: &Project, build: Build) -> PlannedStep {
    let compiled = project.target.join(TARGET).join(build.profile());
    let is_first = !compiled.join("worker.wasm").exists();
    match (build, is_first) {
        (Build::Quick, true) => PlannedStep::new("the page, for the first time", 540),
        (Build::Quick, false) => PlannedStep::new("the page, whose dependencies are compiled", 45),
        (Build::Small, true) => PlannedStep::new("the page as it ships, for the first time", 900),
        (Build::Small, false) => PlannedStep::new("the page as it ships", 240),
    }
}

/// Returns a task that compiles the page's programs with cargo, so that trunk finds them compiled.
fn compile_task(project: &Project, toolchain: Toolchain, build: Build) -> Result<Task> {
    let index = project.root.join("app/index.html");
    let html = fs::read_to_string(&index)
        .with_context(|| format!("could not read {}", index.display()))?;
    let project = project.clone();
    let mut commands: Vec<Command> = programs(&html)
        .into_iter()
        .map(|program| program.build_command(&project, toolchain, build))
        .collect();
    Ok(Task::step(
        "page, compiled by cargo",
        move |cancellation: &Cancellation| {
            commands
                .iter_mut()
                .try_for_each(|command| command::run_cancellable(command, cancellation))?;
            cpu::build(&project, toolchain, cancellation).map(drop)
        },
    ))
}

/// One of the page's programs, as its link in `app/index.html` describes it to trunk.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// Path of its manifest from the folder of the HTML.
    manifest: String,
    bin: String,
}

impl Program {
    /// Returns the command with which trunk compiles the program.
    fn build_command(&self, project: &Project, toolchain: Toolchain, build: Build) -> Command {
        let mut cargo = toolchain.command("cargo");
        cargo
            .current_dir(&project.root)
            .args(["build", "--target", TARGET, "--manifest-path"])
            .arg(project.root.join("app").join(&self.manifest))
            .args(["--profile", build.profile(), "--bin", &self.bin]);
        cargo
    }
}

/// Returns the programs that the page's HTML names.
fn programs(html: &str) -> Vec<Program> {
    html.split('<')
        .filter_map(|tag| tag.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| tag.starts_with("link ") && tag.contains(r#"rel="rust""#))
        .filter_map(|tag| {
            Some(Program {
                manifest: attribute(tag, "href")?,
                bin: attribute(tag, "data-bin")?,
            })
        })
        .collect()
}

/// Returns the value of an attribute.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn programs_are_read_from_the_page() {
        let html = include_str!("../../app/index.html");
        let program = |manifest: &str, bin: &str| Program {
            manifest: manifest.to_owned(),
            bin: bin.to_owned(),
        };
        assert_eq!(
            programs(html),
            [
                program("Cargo.toml", "app"),
                program("../worker/Cargo.toml", "worker")
            ]
        );
    }

    #[test]
    fn page_is_built_by_one_command_at_a_time() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let project = Project {
            root: folder.path().to_path_buf(),
            cache: folder.path().join("cache"),
            target: folder.path().join("target"),
        };
        let held = lock(&project).expect("locked");
        let other = File::create(project.target.join("page.lock")).expect("opened");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        // Another test's new process may hold a copy of the file for a moment, between its fork and its exec.
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = other.try_lock() {
            assert!(Instant::now() < deadline, "the lock is not free: {error}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn html_without_programs_has_none() {
        assert_eq!(
            programs(r#"<link rel="icon" href="icon.svg"> rel="rust""#),
            []
        );
    }
}
