//! Reads the workspace's crates from `cargo metadata`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::command;

/// Packages that are built for the browser; every crate of ours that they depend on is, too.
const BROWSER_ROOTS: [&str; 3] = ["llamaglass-app", "llamaglass-cpu-wasm", "llamaglass-worker"];

/// A crate of the workspace.
#[derive(Deserialize)]
pub struct Package {
    /// Name of the package.
    pub name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; `None` for a normal dependency.
    kind: Option<String>,
}

impl Package {
    /// Returns the crate's folder.
    pub fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// Returns true if it is one of the packages from which the page is built, and not only their dependency.
    pub fn is_browser_root(&self) -> bool {
        BROWSER_ROOTS.contains(&self.name.as_str())
    }
}

/// Returns the crates of the workspace in `root`.
pub fn packages(root: &Path) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let mut cargo = command::cargo(root);
    let text = command::output(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("could not parse the output of cargo metadata")?;
    Ok(metadata.packages)
}

/// Returns the crates that are built for the browser.
pub fn browser_packages(root: &Path) -> Result<Vec<Package>> {
    Ok(reachable(packages(root)?, &BROWSER_ROOTS))
}

/// Returns the packages named `roots` and those that they depend on, at any depth.
fn reachable(packages: Vec<Package>, roots: &[&str]) -> Vec<Package> {
    let mut names: Vec<String> = roots.iter().map(|&name| name.to_owned()).collect();
    let mut next = 0;
    while let Some(name) = names.get(next) {
        let package = packages.iter().find(|package| package.name == *name);
        let dependencies = package.map_or(&[][..], |package| &package.dependencies);
        for dependency in dependencies {
            if dependency.kind.is_none() && !names.contains(&dependency.name) {
                names.push(dependency.name.clone());
            }
        }
        next += 1;
    }
    let mut packages = packages;
    packages.retain(|package| names.contains(&package.name));
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_follows_normal_dependencies_only() {
        let package = |name: &str, dependencies: &[(&str, Option<&str>)]| Package {
            name: name.to_owned(),
            manifest_path: PathBuf::new(),
            dependencies: dependencies
                .iter()
                .map(|&(name, kind)| Dependency {
                    name: name.to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
        };
        let packages = vec![
            package("app", &[("engine", None), ("testing", Some("dev"))]),
            package("engine", &[("shaders", None), ("burn", None)]),
            package("native", &[("engine", None)]),
            package("shaders", &[]),
            package("testing", &[]),
        ];
        let names: Vec<String> = reachable(packages, &["app", "no-such-crate"])
            .into_iter()
            .map(|package| package.name)
            .collect();
        assert_eq!(names, ["app", "engine", "shaders"]);
    }
}
