//! Finds the URL of the package that contains the default model. Asks the installed pip, so that the user's own
//! index, mirror or proxy is used.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::apt;
use crate::{command, machine};

/// A file to download.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// URL of the file.
    pub url: String,
    /// Its SHA-256 in hexadecimal, as the index gives it.
    pub sha256: String,
}

/// Asks pip for the wheel of `requirement` (`NAME==VERSION`); nothing is installed.
pub fn find(requirement: &str) -> Result<Source> {
    let python = python()?;
    let ask = |extra: &[&str]| {
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--quiet",
            "--ignore-installed",
            "--no-deps",
        ])
        .args(["--disable-pip-version-check", "--report", "-"])
        .args(extra)
        .arg(requirement);
        command::output(&mut pip)
    };
    // Without this flag, some versions of pip refuse even a dry run in the system's own environment.
    let report = match ask(&[]) {
        Err(error) if error.to_string().contains("externally-managed") => {
            ask(&["--break-system-packages"])
        }
        other => other,
    };
    let report = report
        .context("pip could not find the default model's package (pip 22.2 or later is needed)")?;
    source(&report).with_context(|| format!("pip's report on {requirement} was not understood"))
}

/// Returns a Python that has pip, and installs pip if there is none.
pub fn python() -> Result<&'static str> {
    let works =
        |name: &&str| command::output(Command::new(name).args(["-m", "pip", "--version"])).is_ok();
    let names = ["python3", "python"];
    if let Some(name) = names.iter().copied().find(works) {
        return Ok(name);
    }
    apt::ensure(&["python3-pip"], "pip, which fetches the default model")?;
    // A python that comes before Debian's on PATH does not see packages from apt.
    let debian = "/usr/bin/python3";
    if machine::is_debian() && Path::new(debian).exists() && works(&debian) {
        return Ok(debian);
    }
    bail!("no python with pip: install Python 3 with pip and run the command again")
}

#[derive(Deserialize)]
struct Report {
    install: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct DownloadInfo {
    url: String,
    archive_info: ArchiveInfo,
}

#[derive(Deserialize)]
struct ArchiveInfo {
    /// The hash as `sha256=...`, the only form in older versions of pip.
    hash: Option<String>,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

fn source(report: &str) -> Result<Source> {
    let report: Report = serde_json::from_str(report)?;
    let info = report
        .install
        .into_iter()
        .next()
        .context("no package in it")?
        .download_info;
    let hash = info
        .archive_info
        .hash
        .as_deref()
        .and_then(|hash| hash.strip_prefix("sha256="));
    let sha256 = info
        .archive_info
        .hashes
        .get("sha256")
        .map(String::as_str)
        .or(hash);
    let sha256 = sha256.context("no SHA-256 in it")?.to_owned();
    Ok(Source {
        url: info.url,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(archive_info: &str) -> String {
        format!(
            r#"{{"version": "1", "install": [{{"download_info":
                {{"url": "https://host/a.whl", "archive_info": {archive_info}}}, "metadata": {{}}}}]}}"#
        )
    }

    #[test]
    fn source_reads_both_forms_of_the_hash() {
        let wanted = Source {
            url: "https://host/a.whl".to_owned(),
            sha256: "ab".to_owned(),
        };
        let new = source(&report(
            r#"{"hash": "sha256=ab", "hashes": {"sha256": "ab"}}"#,
        ));
        assert_eq!(new.expect("read"), wanted);
        assert_eq!(
            source(&report(r#"{"hash": "sha256=ab"}"#)).expect("read"),
            wanted
        );
    }

    #[test]
    fn rejects_report_without_hash_or_package() {
        assert!(source(&report("{}")).is_err());
        assert!(source(r#"{"install": []}"#).is_err());
        assert!(source("no JSON").is_err());
    }
}
