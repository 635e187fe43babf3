//! Checks that the workspace's crates depend on each other only as ARCHITECTURE.md's crate table allows.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::table::ImportTable;
use crate::command;
use crate::test::{Context, Verdict};

/// Compares the output of `cargo metadata` with the table.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let document = fs::read_to_string(context.project.root.join("ARCHITECTURE.md"))
        .context("could not read ARCHITECTURE.md")?;
    let table = ImportTable::parse(&document, "crate")?;
    let metadata =
        command::output(
            context
                .cargo()
                .args(["metadata", "--no-deps", "--format-version", "1"]),
        )?;
    let faults = faults(&serde_json::from_str(&metadata)?, &table);
    ensure!(
        faults.is_empty(),
        "against ARCHITECTURE.md's crate table:\n{}",
        faults.join("\n")
    );
    Ok(Verdict::PassedWith(format!("{} crates", table.len())))
}

/// The part of the output of `cargo metadata` that this check reads.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

/// A dependency of any kind: normal, dev or build, for all targets or for one.
#[derive(Deserialize)]
struct Dependency {
    /// Folder of the dependency, if it is a path dependency, as those on our own crates are.
    path: Option<PathBuf>,
}

/// Returns one line per violation, with crates named by their folders.
fn faults(metadata: &Metadata, table: &ImportTable) -> Vec<String> {
    let mut faults = Vec::new();
    let folders: Vec<String> = metadata
        .packages
        .iter()
        .map(|package| folder_name(package.manifest_path.parent()))
        .collect();
    for missing in table
        .names()
        .filter(|name| !folders.iter().any(|folder| folder == name))
    {
        faults.push(format!(
            "the table has a row for `{missing}`, but there is no such crate"
        ));
    }
    for (package, folder) in metadata.packages.iter().zip(&folders) {
        if !table.contains(folder) {
            faults.push(format!("`{folder}` has no row in the crate table"));
            continue;
        }
        for path in package
            .dependencies
            .iter()
            .filter_map(|dependency| dependency.path.as_deref())
        {
            faults.extend(table.allows(folder, &folder_name(Some(path))).err());
        }
    }
    faults
}

fn folder_name(folder: Option<&std::path::Path>) -> String {
    folder
        .and_then(|path| path.file_name())
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| crate | may import |\n|---|---|\n| `engine` | nothing |\n\
                         | `app` | `engine` |\n| `native` | `engine` |\n";

    fn package(folder: &str, dependencies: &[&str]) -> Package {
        let path = |name: &str| PathBuf::from("/checkout").join(name);
        Package {
            manifest_path: path(folder).join("Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency {
                    path: Some(path(name)),
                })
                .collect(),
        }
    }

    fn faults_of(native: Package) -> Vec<String> {
        let packages = vec![package("engine", &[]), package("app", &["engine"]), native];
        faults(
            &Metadata { packages },
            &ImportTable::parse(TABLE, "crate").expect("read"),
        )
    }

    #[test]
    fn faults_name_each_violation_of_the_table() {
        assert_eq!(faults_of(package("native", &["engine"])), [""; 0]);
        assert_eq!(
            faults_of(package("native", &["engine", "app"])),
            ["`native` may not import `app`"]
        );
        assert_eq!(faults_of(package("desktop", &[])).len(), 2);
    }
}
