//! OpenAI's own client packages, which the server is tried with: in a folder of their own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{ensure_folder, npm, wheel};
use crate::command;
use crate::project::Project;

/// The Python package.
const PYTHON: &str = "openai==3.54.0";
/// The npm package: the last one that Debian 12's node runs.
const NODE: &str = "openai@4.104.0";

/// Where they were installed, as each language wants to be told.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The interpreter.
    pub python: &'static str,
    /// What it has for `PYTHONPATH`.
    pub python_path: OsString,
    /// What node has for `NODE_PATH`.
    pub node_path: OsString,
}

/// Makes sure that both are there.
///
/// # Errors
/// Where one is missing and can't be installed.
pub fn ensure(project: &Project) -> Result<Clients> {
    let python = wheel::python()?;
    // Named by version, so that another one is installed anew; the stamp says that it was to its end.
    let folder = |package: &str| {
        project
            .cache
            .join("tools/clients")
            .join(package.replace("==", "@"))
    };
    let python_folder = folder(PYTHON).join("python");
    let stamp = folder(PYTHON).join("python-is-there");
    if !stamp.is_file() {
        println!("Installing {PYTHON} (pip) into {}", python_folder.display());
        let mut install = Command::new(python);
        install
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--upgrade", "--target"])
            .arg(ensure_folder(&python_folder)?)
            .arg(PYTHON);
        command::run(&mut install)?;
        std::fs::write(&stamp, "")?;
    }
    let node_folder = folder(NODE).join("node");
    npm::ensure(project, "OpenAI's client")?;
    let stamp = folder(NODE).join("node-is-there");
    if !stamp.is_file() {
        npm::install(NODE, &node_folder)?;
        std::fs::write(&stamp, "")?;
    }
    let modules: PathBuf = node_folder.join("node_modules");
    Ok(Clients {
        python,
        python_path: python_folder.into_os_string(),
        node_path: modules.into_os_string(),
    })
}
