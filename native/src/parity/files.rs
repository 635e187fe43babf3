//! Pairs of models and reference folders to compare.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use llamaglass_engine::bytes::has_extension;
use llamaglass_runner::parity::{Kind, ModelFile};
use sha2::{Digest, Sha256};

use crate::model::{Model, file_name};

/// Limits of reference folders, which are small: deeper or larger files are skipped.
const MAX_DEPTH: usize = 3;
const MAX_BYTES: u64 = 256 << 20;

/// A model and the reference folder to compare it with.
#[derive(Clone, Debug)]
pub struct Job {
    pub model: Model,
    /// Reference folder.
    pub reference: PathBuf,
}

/// Pairs `model` with the cases in `reference`, or in its subfolder `reference` if it holds none itself. Without a
/// model, pairs every model in the folder; if it holds none, does so for each subfolder that has a folder
/// `reference`.
pub fn jobs(reference: &Path, model: Option<&Path>) -> Result<Vec<Job>> {
    let meta = std::fs::metadata(reference).with_context(|| format!("{}", reference.display()))?;
    if !meta.is_dir() {
        bail!("{}: not a folder", reference.display());
    }
    let inner = reference.join("reference");
    let folder = if !holds_cases(reference) && inner.is_dir() {
        inner
    } else {
        reference.to_owned()
    };
    let models = match model {
        Some(path) => vec![path.to_owned()],
        None => models_in(reference)?,
    };
    if models.is_empty() {
        let mut all = Vec::new();
        for path in entries(reference)? {
            if path.join("reference").is_dir() {
                all.extend(jobs(&path, None)?);
            }
        }
        if !all.is_empty() {
            return Ok(all);
        }
        bail!(
            "{} contains no model next to its reference; name one with MODEL",
            reference.display()
        );
    }
    let job = |path: PathBuf| {
        Ok(Job {
            model: Model::at(&path)?,
            reference: folder.clone(),
        })
    };
    models.into_iter().map(job).collect()
}

fn holds_cases(folder: &Path) -> bool {
    // A Hugging Face folder has a tokenizer.json too, but of another kind.
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Tokenizer);
    kinds
        .map(Kind::file)
        .any(|name| folder.join(name).is_file())
}

/// Returns the models in a folder: every GGUF, and the folder itself if it has safetensors files.
fn models_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut models = Vec::new();
    let mut safetensors = false;
    for path in entries(folder)? {
        safetensors |= has_extension(&path, "safetensors");
        if has_extension(&path, "gguf") {
            models.push(path);
        }
    }
    if safetensors {
        models.push(folder.to_owned());
    }
    Ok(models)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in read {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

impl Job {
    /// Reads every JSON file in the reference folder and its subfolders, named by its path within the folder.
    pub fn reference_files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        collect(&self.reference, "", 0, &mut files)?;
        Ok(files)
    }

    /// Returns the model's files with their SHA-256 sums.
    pub fn model_files(&self) -> Result<Vec<ModelFile>> {
        let Model::Files(files) = &self.model else {
            return Ok(Vec::new());
        };
        let file = |path: &PathBuf| {
            Ok(ModelFile {
                name: file_name(path),
                sha256: Some(sha256(path)?),
            })
        };
        files.iter().map(file).collect()
    }
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<()> {
    for path in entries(folder)? {
        let name = format!("{prefix}{}", file_name(&path));
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, &format!("{name}/"), depth + 1, files)?;
        } else if has_extension(&path, "json") && path.metadata()?.len() <= MAX_BYTES {
            let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
            files.push((name, bytes));
        }
    }
    Ok(())
}

/// Returns a file's SHA-256 in lower-case hex.
fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("{}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file
            .read(&mut buffer)
            .with_context(|| format!("{}", path.display()))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
