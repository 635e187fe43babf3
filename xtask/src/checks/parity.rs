//! The native command against reference results: the committed folders, and more where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::test::{Context, Verdict};

/// Where folders of tiny models lie, from the checkout: in it, and beside it on a developer's machine.
const FAMILIES: [&str; 2] = ["engine/tests/data/families", "../shared/families"];
/// Where the default model's reference results may lie.
const DEFAULT_MODEL: [&str; 2] = ["engine/tests/data/smollm2", "../shared/reference"];
/// The backends that each is run on.
const BACKENDS: [&str; 2] = ["flex", "wgpu"];

/// A model and the folder of its reference results.
#[derive(Debug, PartialEq, Eq)]
struct Case {
    reference: PathBuf,
    model: PathBuf,
}

/// Runs `llamaglass parity` on every folder there is, and reports all that failed.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let mut cases = Vec::new();
    for folder in FAMILIES
        .map(|folder| root.join(folder))
        .iter()
        .filter(|folder| folder.is_dir())
    {
        cases.extend(families(folder)?);
    }
    for reference in DEFAULT_MODEL.map(|folder| root.join(folder)) {
        if reference.is_dir() {
            cases.push(Case {
                reference,
                model: context.model()?.to_path_buf(),
            });
        }
    }
    ensure!(
        !cases.is_empty(),
        "there is no reference folder: not one of {FAMILIES:?}, {DEFAULT_MODEL:?}"
    );

    // With every target of every crate, as the tests build it, so that nothing is built twice.
    command::run(
        context
            .cargo()
            .args(["build", "--workspace", "--all-targets", "--locked"]),
    )?;
    let program = context
        .project
        .target
        .join("debug")
        .join(format!("llamaglass{}", std::env::consts::EXE_SUFFIX));
    let mut failed = Vec::new();
    for case in &cases {
        for backend in BACKENDS {
            let mut parity = context.on_adapter(Command::new(&program));
            parity
                .args(["parity", "--backend", backend, "--reference"])
                .arg(&case.reference)
                .arg(&case.model);
            if let Err(error) = command::run(&mut parity) {
                failed.push(error.to_string());
            }
        }
    }
    ensure!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    Ok(Verdict::PassedWith(format!(
        "{} models on {}",
        cases.len(),
        BACKENDS.join(" and ")
    )))
}

/// The cases of a folder of folders: each a Hugging Face folder or some GGUF files, and `reference/`.
fn families(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for family in list(folder)? {
        let reference = family.join("reference");
        if !reference.is_dir() {
            continue;
        }
        if family.join("config.json").is_file() {
            cases.push(Case {
                reference: reference.clone(),
                model: family.clone(),
            });
        }
        let files = list(&family)?
            .into_iter()
            .filter(|file| file.extension().is_some_and(|kind| kind == "gguf"));
        cases.extend(files.map(|model| Case {
            reference: reference.clone(),
            model,
        }));
    }
    Ok(cases)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_and_files_are_told_apart() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["a/reference", "b/reference", "c"] {
            fs::create_dir_all(path(name)).expect("created");
        }
        for name in [
            "README.md",
            "a/config.json",
            "b/b.Q4_0.gguf",
            "b/b.Q8_0.gguf",
            "c/config.json",
        ] {
            fs::write(path(name), "").expect("written");
        }
        let case = |reference: &str, model: &str| Case {
            reference: path(reference),
            model: path(model),
        };
        let wanted = [
            case("a/reference", "a"),
            case("b/reference", "b/b.Q4_0.gguf"),
            case("b/reference", "b/b.Q8_0.gguf"),
        ];
        assert_eq!(families(folder.path()).expect("listed"), wanted);
    }
}
