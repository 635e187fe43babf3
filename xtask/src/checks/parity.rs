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
/// Kinds of the default model's cases that other instruction sets compute: a long prefill, and decoding.
const PREFILL_AND_DECODE: &[&str] = &["logits", "generate"];
/// Kinds of the default model's cases that the reference path computes, which is slow.
const PREFILL: &[&str] = &["logits"];

/// A model and the folder of its reference results.
#[derive(Debug, PartialEq, Eq)]
struct Case {
    reference: PathBuf,
    model: PathBuf,
}

/// A backend with its options.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    flags: Vec<&'static str>,
    /// Kinds of the default model's cases to run; empty for all.
    kinds: &'static [&'static str],
}

/// Returns the settings with which each model is compared. The first is the CPU's fastest instruction set, of `sets`.
fn settings(sets: &[&'static str]) -> Vec<Setting> {
    let setting = |flags: &[&'static str], kinds| Setting {
        flags: [&["--backend"], flags].concat(),
        kinds,
    };
    let mut all = vec![
        setting(&["cpu"], &[]),
        setting(&["wgpu"], &[]),
        setting(&["cpu", "--path", "reference"], PREFILL),
    ];
    let slower = sets.iter().skip(1);
    all.extend(slower.map(|set| setting(&["cpu", "--isa", set], PREFILL_AND_DECODE)));
    all
}

/// Returns the names of the instruction sets that the CPU path has kernels for and this machine can run, the fastest
/// first.
fn instruction_sets() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let avx2 = has!("avx2") && has!("fma") && has!("f16c");
        let avx512 =
            avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq");
        let sets = [(avx512, "avx512"), (avx2, "avx2"), (true, "baseline")];
        sets.into_iter()
            .filter_map(|(is_there, set)| is_there.then_some(set))
            .collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // There is one set, the default.
        Vec::new()
    }
}

/// Runs `llamaglass parity` for every case in every setting, and reports all failures.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let mut cases = families(&FAMILIES.map(|folder| root.join(folder)))?;
    cases.push(Case {
        reference: root.join(DEFAULT_MODEL),
        model: context.model()?.to_path_buf(),
    });

    let program = product::build(context)?;
    let settings = settings(&instruction_sets());
    let mut failed = Vec::new();
    for case in &cases {
        let is_default = case.reference == root.join(DEFAULT_MODEL);
        for setting in &settings {
            let mut parity = context.on_adapter(Command::new(&program));
            parity
                .arg("parity")
                .args(&setting.flags)
                .arg("--reference")
                .arg(&case.reference)
                .arg(&case.model);
            if is_default {
                parity.args(setting.kinds.iter().flat_map(|kind| ["--only", *kind]));
            }
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
        "{} models in {} settings",
        cases.len(),
        settings.len()
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
    fn settings_have_each_instruction_set_once() {
        let all = settings(&["avx512", "avx2", "baseline"]);
        let flags: Vec<String> = all.iter().map(|setting| setting.flags.join(" ")).collect();
        let wanted = [
            "--backend cpu",
            "--backend wgpu",
            "--backend cpu --path reference",
            "--backend cpu --isa avx2",
            "--backend cpu --isa baseline",
        ];
        assert_eq!(flags, wanted);
        // Only the first two run every case of the default model.
        let is_whole = |setting: &Setting| setting.kinds.is_empty();
        assert!(all[..2].iter().all(is_whole) && !all[2..].iter().any(is_whole));
    }

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
