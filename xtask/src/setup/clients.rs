//! Installs the client packages with which the server is tested, each set in a folder of its own.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{ensure_folder, npm, wheel};
use crate::project::Project;
use crate::{command, digest};

/// OpenAI's Python package.
const OPENAI_PYTHON: &str = "openai==3.54.0";
/// OpenAI's npm package, in the latest version that runs on Debian 12's node.
const OPENAI_NODE: &str = "openai@4.104.0";
/// Requirements of the frameworks built on OpenAI's protocol, with all dependencies. They need an older `openai`.
const FRAMEWORKS: &str = "native/tests/clients/requirements.txt";
/// Requirements of GuideLLM, with all dependencies: about 6 GB with PyTorch.
const GUIDELLM: &str = "native/tests/clients/guidellm/requirements.txt";

/// Installed Python packages.
#[derive(Clone, Debug)]
pub struct PythonPackages {
    /// Name or path of the interpreter.
    pub python: &'static str,
    /// Value of `PYTHONPATH`.
    pub path: OsString,
}

impl PythonPackages {
    /// Returns a command that runs a script with the packages.
    pub fn script(&self, script: &Path) -> Command {
        let mut command = Command::new(self.python);
        command.env("PYTHONPATH", &self.path).arg(script);
        command
    }
}

/// Installed client packages.
#[derive(Clone, Debug)]
pub struct Clients {
    /// OpenAI's Python package.
    pub openai: PythonPackages,
    /// litellm, langchain-openai and instructor.
    pub frameworks: PythonPackages,
    /// Value of `NODE_PATH`.
    pub node_path: OsString,
}

/// Installs the packages of the check `clients` if they are missing.
pub fn ensure(project: &Project) -> Result<Clients> {
    Ok(Clients {
        openai: ensure_python(
            &folder(project, &OPENAI_PYTHON.replace("==", "@")),
            OPENAI_PYTHON,
            &[OPENAI_PYTHON.as_ref()],
        )?,
        frameworks: ensure_list(project, "frameworks", FRAMEWORKS)?,
        node_path: ensure_node(project)?,
    })
}

/// Installs GuideLLM if it is missing.
pub fn ensure_guidellm(project: &Project) -> Result<PythonPackages> {
    ensure_list(project, "guidellm", GUIDELLM)
}

fn folder(project: &Project, name: &str) -> PathBuf {
    project.cache.join("tools/clients").join(name)
}

/// Installs a requirements file that lists all dependencies, so that pip has nothing to resolve.
fn ensure_list(project: &Project, name: &str, list: &str) -> Result<PythonPackages> {
    let path = project.root.join(list);
    let digest = digest::sha256(&path)?;
    // Named by content, so that a changed list is installed again.
    let version = digest.get(..12).context("a digest is too short")?;
    let folder = folder(project, &format!("{name}-{version}"));
    let words = ["--no-deps", "--requirement"].map(OsStr::new);
    ensure_python(&folder, list, &[words[0], words[1], path.as_os_str()])
}

fn ensure_python(folder: &Path, what: &str, words: &[&OsStr]) -> Result<PythonPackages> {
    let python = wheel::python()?;
    let packages = folder.join("python");
    // Written once everything is installed.
    let stamp = folder.join("python-is-there");
    if !stamp.is_file() {
        println!("Installing {what} (pip) into {}", packages.display());
        let mut install = Command::new(python);
        install
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--upgrade", "--target"])
            .arg(ensure_folder(&packages)?)
            .args(words);
        command::run(&mut install)?;
        std::fs::write(&stamp, "")?;
    }
    Ok(PythonPackages {
        python,
        path: packages.into_os_string(),
    })
}

fn ensure_node(project: &Project) -> Result<OsString> {
    let folder = folder(project, OPENAI_NODE);
    let packages = folder.join("node");
    npm::ensure(project, "OpenAI's client")?;
    let stamp = folder.join("node-is-there");
    if !stamp.is_file() {
        npm::install(OPENAI_NODE, &packages)?;
        std::fs::write(&stamp, "")?;
    }
    Ok(packages.join("node_modules").into_os_string())
}
