//! Decides whether the built page is up to date.
//!
//! trunk takes half a minute to find that nothing changed. So a successful build leaves a stamp: a text that
//! describes all inputs of the page and the files that were built. The page is up to date if both descriptions
//! still match. If anything can't be described, it is out of date.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, ensure};

use super::Build;
use crate::project::Project;
use crate::setup::wasm::Toolchain;
use crate::{command, digest, machine};

/// Entries of the checkout that are not inputs of the page. Everything else counts as input, so that a new crate
/// is not forgotten.
const NOT_INPUTS: [&str; 8] = [
    "desktop",
    "dist",
    "docs",
    "fuzz",
    "native",
    "target",
    "xtask",
    "bench/results",
];

/// Programs that build the page.
const PROGRAMS: [&str; 3] = ["trunk", "wasm-bindgen", "wasm-opt"];

/// Prefixes of the environment variables that affect the output of cargo, rustc or trunk.
const VARIABLES: [&str; 10] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "TRUNK_",
];

/// Describes all inputs of the page.
pub fn inputs(project: &Project, toolchain: Toolchain, build: Build) -> Result<String> {
    let mut text = format!("{build:?} of {}\n", project.root.display());
    text += &command::output(toolchain.command("rustc").arg("-vV"))?;
    for name in PROGRAMS {
        if let Some(program) = machine::find_program(name, &project.tools()) {
            describe_by_time(&program, &mut text)?;
        }
    }
    for (name, value) in env::vars_os() {
        let name = name.to_string_lossy();
        if VARIABLES.iter().any(|prefix| name.starts_with(prefix)) {
            writeln!(text, "{name}={}", value.to_string_lossy())?;
        }
    }
    for file in cargo_configurations(&project.root) {
        describe_by_content(&file, &mut text)?;
    }
    describe_sources(&project.root, project, &mut text)?;
    Ok(text)
}

/// Describes the files of the built page.
pub fn outputs(dist: &Path) -> Result<String> {
    let mut text = String::new();
    ensure!(
        dist.join("index.html").is_file(),
        "{} has no page",
        dist.display()
    );
    describe_outputs(dist, &mut text)?;
    Ok(text)
}

/// Writes the stamp of the built page.
pub fn write(project: &Project, inputs: &str) -> Result<()> {
    let text = format!("{inputs}{}", outputs(&project.dist())?);
    let stamp = path(project);
    fs::write(&stamp, text).with_context(|| format!("could not write {}", stamp.display()))
}

/// Removes the stamp. Called before `dist/` changes.
pub fn remove(project: &Project) -> Result<()> {
    let stamp = path(project);
    if stamp.exists() {
        fs::remove_file(&stamp).with_context(|| format!("could not remove {}", stamp.display()))?;
    }
    Ok(())
}

/// Returns true if the page was built from these inputs and has not changed since.
pub fn is_current(project: &Project, inputs: &str) -> bool {
    let Ok(outputs) = outputs(&project.dist()) else {
        return false;
    };
    fs::read_to_string(path(project)).is_ok_and(|stamp| stamp == format!("{inputs}{outputs}"))
}

/// Returns the path of the stamp, which is not in `dist/` because that is published as it is.
fn path(project: &Project) -> PathBuf {
    project.target.join("page.stamp")
}

/// Returns cargo's configuration files outside the checkout that apply to it.
fn cargo_configurations(root: &Path) -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    root.ancestors()
        .skip(1)
        .map(|folder| folder.join(".cargo"))
        .chain(home)
        .flat_map(|folder| ["config", "config.toml"].map(|name| folder.join(name)))
        .filter(|file| file.is_file())
        .collect()
}

/// Describes the files below the folder that may be inputs of the page.
fn describe_sources(folder: &Path, project: &Project, text: &mut String) -> Result<()> {
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = path.strip_prefix(&project.root).unwrap_or(&path);
        let is_hidden = name.starts_with('.') && inside != Path::new(".cargo");
        if is_hidden
            || NOT_INPUTS.iter().any(|other| inside == Path::new(other))
            || path == project.target
            || path == project.cache
        {
            continue;
        }
        // A symbolic link to a folder is an error here, so the page is built.
        if path.is_dir() && !path.is_symlink() {
            describe_sources(&path, project, text)?;
        } else {
            describe_by_content(&path, text)?;
        }
    }
    Ok(())
}

fn describe_outputs(folder: &Path, text: &mut String) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() {
            describe_outputs(&path, text)?;
        } else {
            describe_by_time(&path, text)?;
        }
    }
    Ok(())
}

/// Returns the folder's entries, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || format!("could not list {}", folder.display());
    let mut paths = Vec::new();
    for entry in folder.read_dir().with_context(list)? {
        paths.push(entry.with_context(list)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn describe_by_content(file: &Path, text: &mut String) -> Result<()> {
    writeln!(text, "{} {}", file.display(), digest::sha256(file)?)?;
    Ok(())
}

/// Describes a file by its size and modification time, for big files that nobody edits.
fn describe_by_time(file: &Path, text: &mut String) -> Result<()> {
    let read = || format!("could not read {}", file.display());
    let data = fs::metadata(file).with_context(read)?;
    let modified = data.modified().with_context(read)?;
    let modified = modified.duration_since(UNIX_EPOCH)?.as_nanos();
    writeln!(text, "{} {} {modified}", file.display(), data.len())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with a source, a built page, and a stamp.
    struct Case {
        _folder: tempfile::TempDir,
        project: Project,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let root = folder.path().join("checkout");
            let project = Project {
                cache: folder.path().join("cache"),
                target: root.join("target"),
                root,
            };
            let case = Self {
                _folder: folder,
                project,
            };
            case.write("app/src/lib.rs", "fn main() {}");
            case.write("Cargo.toml", "[workspace]");
            case.write(".cargo/config.toml", "");
            case.write("target/debug/xtask", "");
            case.write("dist/index.html", "<p>");
            case.write("dist/app_bg.wasm", "wasm");
            write(&case.project, &case.inputs(Build::Quick)).expect("written");
            assert!(case.is_current(Build::Quick));
            case
        }

        fn write(&self, name: &str, text: &str) {
            let file = self.project.root.join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("created");
            fs::write(file, text).expect("written");
        }

        fn inputs(&self, build: Build) -> String {
            inputs(&self.project, Toolchain::Active, build).expect("described")
        }

        fn is_current(&self, build: Build) -> bool {
            is_current(&self.project, &self.inputs(build))
        }
    }

    #[test]
    fn page_is_stale_when_an_input_or_its_files_change() {
        for name in [
            "app/src/lib.rs",
            "app/src/new.rs",
            "Cargo.toml",
            "Trunk.toml",
            ".cargo/config.toml",
            "new_crate/src/lib.rs",
            "bench/data/prompts.json",
            "dist/app_bg.wasm",
            "dist/.stage/index.html",
        ] {
            let case = Case::new();
            case.write(name, "longer than before");
            assert!(!case.is_current(Build::Quick), "{name}");
        }
        for name in ["app/src/lib.rs", "dist/index.html", "target/page.stamp"] {
            let case = Case::new();
            fs::remove_file(case.project.root.join(name)).expect("removed");
            assert!(!case.is_current(Build::Quick), "{name} is gone");
        }
        assert!(!Case::new().is_current(Build::Small), "another build");
    }

    #[test]
    fn page_is_stale_when_a_tool_is_installed_anew() {
        let case = Case::new();
        let tools = case.project.tools();
        fs::create_dir_all(&tools).expect("created");
        let name = format!("trunk{}", env::consts::EXE_SUFFIX);
        fs::write(tools.join(name), "").expect("written");
        assert!(!case.is_current(Build::Quick));
    }

    #[test]
    fn page_stays_current_when_other_programs_change() {
        let case = Case::new();
        for name in ["native/src/main.rs", "xtask/src/main.rs", "target/debug/x"] {
            case.write(name, "other");
        }
        assert!(case.is_current(Build::Quick));
    }

    #[cfg(unix)]
    #[test]
    fn linked_folder_of_sources_is_refused() {
        let case = Case::new();
        let link = case.project.root.join("linked");
        std::os::unix::fs::symlink(case.project.root.join("app"), link).expect("linked");
        inputs(&case.project, Toolchain::Active, Build::Quick).expect_err("it can't be described");
    }
}
