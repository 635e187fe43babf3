//! Result files: JSON, CSV and HTML.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use llamaglass_engine::bytes::replace_file;
use llamaglass_lab::{LabResult, SCHEMA_VERSION, Summary};
use serde::Serialize;

/// Results of all experiments in one file.
#[derive(Debug, Serialize)]
pub struct LabReport<'a> {
    /// Version of this structure.
    pub schema_version: u32,
    /// Summary of all results.
    pub summary: &'a Summary,
    /// Experiments without a result, each with the reason.
    pub left_out: &'a [(String, String)],
    /// Results in the order of the experiments.
    pub results: &'a [LabResult],
}

/// A folder for results.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Creates the folder if it does not exist, so that an unwritable path is found before the run.
    ///
    /// # Errors
    /// Fails if the folder can't be created.
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("the folder {} can't be made", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a result as NAME.json and NAME.html, and its tables as CSV files.
    ///
    /// # Errors
    /// Fails if a file can't be written.
    pub fn write(&self, result: &LabResult) -> Result<()> {
        let name = result.data.experiment().name();
        self.put(
            &format!("{name}.json"),
            &serde_json::to_string_pretty(result)?,
        )?;
        for (file, table) in llamaglass_report::lab::csv(result) {
            self.put(&file, &table)?;
        }
        self.put(
            &format!("{name}.html"),
            &llamaglass_report::lab::page(result)?,
        )
    }

    /// Writes all results together as lab.json and report.html.
    ///
    /// # Errors
    /// Fails if a file can't be written.
    pub fn write_all(&self, results: &[LabResult], left_out: &[(String, String)]) -> Result<()> {
        let summary = Summary::of(results);
        let report = LabReport {
            schema_version: SCHEMA_VERSION,
            summary: &summary,
            left_out,
            results,
        };
        self.put("lab.json", &serde_json::to_string_pretty(&report)?)?;
        let html = llamaglass_report::lab::report(results, &summary)?;
        self.put("report.html", &html)
    }

    /// Writes a file in the folder.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub fn put(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.join(name);
        replace_file(&path, text).with_context(|| format!("{} can't be written", path.display()))
    }
}
