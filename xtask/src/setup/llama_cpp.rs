//! Installs llama.cpp, with which `cargo xtask compare` compares the speed: natively from npm's node-llama-cpp.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::npm;
use crate::project::Project;

/// node-llama-cpp's version, which determines that of llama.cpp.
const VERSION: &str = "3.22.1";

/// An installed node-llama-cpp.
#[derive(Clone, Debug)]
pub struct NodeLlamaCpp {
    /// Folder in which npm installed the packages.
    pub folder: PathBuf,
    /// Folder of llama.cpp's shared libraries, among them one build of the CPU backend per instruction set.
    pub libraries: PathBuf,
}

/// Installs node-llama-cpp with llama.cpp as its authors compiled it for this system's CPU, if it is missing.
pub fn ensure(project: &Project) -> Result<NodeLlamaCpp> {
    let package = format!("node-llama-cpp@{VERSION}");
    let prebuilt = format!("@node-llama-cpp/{}@{VERSION}", prebuilt()?);
    let folder = project.cache.join("tools/compare").join(&package);
    npm::ensure(project, "node-llama-cpp")?;
    // Written once everything is installed.
    let stamp = folder.join("is-there");
    if !stamp.is_file() {
        npm::install_without_scripts(&[&package, &prebuilt], &folder)?;
        fs::write(&stamp, "")?;
    }
    Ok(NodeLlamaCpp {
        libraries: libraries(&folder)?,
        folder,
    })
}

/// Returns the name of the prebuilt package for this system.
fn prebuilt() -> Result<&'static str> {
    use std::env::consts::{ARCH, OS};
    Ok(match (OS, ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "mac-x64",
        ("macos", "aarch64") => "mac-arm64-metal",
        ("windows", "x86_64") => "win-x64",
        ("windows", "aarch64") => "win-arm64",
        _ => bail!("node-llama-cpp has no prebuilt llama.cpp for {OS} on {ARCH}"),
    })
}

/// Finds the folder of the shared libraries: the one with the addon, below the prebuilt package.
fn libraries(folder: &Path) -> Result<PathBuf> {
    let bins = folder
        .join("node_modules/@node-llama-cpp")
        .join(prebuilt()?)
        .join("bins");
    let entries = bins
        .read_dir()
        .with_context(|| format!("could not list {}", bins.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.join("llama-addon.node").is_file())
        .with_context(|| format!("there is no llama-addon.node below {}", bins.display()))
}
