//! Converts a model to other tensor types with llama.cpp's quantizer, so that both programs can be measured on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::setup::llama_cpp::NodeLlamaCpp;
use crate::{command, digest, setup};

/// Script that calls the quantizer, relative to the checkout.
const SCRIPT: &str = "bench/compare/requantize.py";

/// Converts the model to `mix`, such as Q4_K_M, unless the cache has it already, and returns the converted file.
///
/// # Errors
/// If llama.cpp can't convert it, for example because it does not know the type.
pub fn ensure(project: &Project, peer: &NodeLlamaCpp, model: &Path, mix: &str) -> Result<PathBuf> {
    let folder = project.cache.join("compare");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    // Named by content, because different models may have the same file name.
    let digest = digest::sha256(model)?;
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let file = folder.join(format!("{stem}.{}.to-{mix}.gguf", &digest[..8]));
    if file.is_file() {
        return Ok(file);
    }
    println!(
        "Converting {} to {mix}, for measuring only",
        model.display()
    );
    let part = file.with_extension("part");
    let mut convert = Command::new(setup::python()?);
    convert
        .arg(project.root.join(SCRIPT))
        .arg(&peer.libraries)
        .arg(model)
        .arg(mix)
        .arg(&part);
    command::output(&mut convert)?;
    fs::rename(&part, &file).with_context(|| format!("could not write {}", file.display()))?;
    Ok(file)
}
