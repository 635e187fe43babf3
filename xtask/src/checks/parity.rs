//! Compares the native command with reference results: those in the checkout, and others that are present.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::context::{Context, Verdict};
use crate::product;

/// Folders of tiny models, relative to the checkout: in it, and beside it on a developer's machine. If two
/// models' folders have the same name, the first one counts.
const FAMILIES: [&str; 2] = ["engine/tests/data/families", "../shared/families"];
/// Reference results of the default model, relative to the checkout.
const DEFAULT_MODEL: &str = "engine/tests/data/smollm2-135m";
/// Backends on which each case runs.
const BACKENDS: [&str; 2] = ["cpu", "wgpu"];

/// A model and the folder of its reference results.
#[derive(Debug, PartialEq, Eq)]
struct Case {
    reference: PathBuf,
    model: PathBuf,
}

/// Runs `llamaglass parity` for every case on every backend, and reports all failures.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let mut cases = families(&FAMILIES.map(|folder| root.join(folder)))?;
    cases.push(Case {
        reference: root.join(DEFAULT_MODEL),
        model: context.model()?.to_path_buf(),
    });

    let program = product::build(context)?;
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

/// Returns the cases in the folders that exist. Each subfolder with a `reference/` is either one Hugging Face
/// model or holds GGUF files, which are a case each.
fn families(folders: &[PathBuf]) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut names = HashSet::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for family in list(folder)? {
            let reference = family.join("reference");
            if !reference.is_dir() || !names.insert(family.file_name().map(ToOwned::to_owned)) {
                continue;
            }
            let models = if family.join("config.json").is_file() {
                vec![family]
            } else {
                let is_gguf = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "gguf");
                list(&family)?.into_iter().filter(is_gguf).collect()
            };
            cases.extend(models.into_iter().map(|model| Case {
                reference: reference.clone(),
                model,
            }));
        }
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
    fn families_finds_folders_and_gguf_files_and_skips_repeated_names() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        for name in "1/a/reference 1/b/reference 1/c 2/a/reference 2/d/reference".split(' ') {
            fs::create_dir_all(path(name)).expect("created");
        }
        for name in [
            "1/README.md",
            "1/a/config.json",
            "1/b/b.Q4_0.gguf",
            "1/b/b.Q8_0.gguf",
            "1/c/config.json",
            "2/a/config.json",
            "2/d/d.gguf",
        ] {
            fs::write(path(name), "").expect("written");
        }
        let case = |family: &str, model: &str| Case {
            reference: path(family).join("reference"),
            model: path(model),
        };
        let wanted = [
            case("1/a", "1/a"),
            case("1/b", "1/b/b.Q4_0.gguf"),
            case("1/b", "1/b/b.Q8_0.gguf"),
            case("2/d", "2/d/d.gguf"),
        ];
        let found = families(&[path("1"), path("2"), path("3")]).expect("listed");
        assert_eq!(found, wanted);
    }
}
