//! Results as files: JSON, CSV and HTML.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use llamaglass_engine::bytes::replace_file;
use llamaglass_lab::{LabResult, SCHEMA_VERSION, Summary};
use serde::Serialize;

/// All results in one file.
#[derive(Debug, Serialize)]
pub struct LabReport<'a> {
    /// The version of this structure.
    pub schema_version: u32,
    /// What they say together.
    pub summary: &'a Summary,
    /// Experiments without a result, and why.
    pub left_out: &'a [(String, String)],
    /// Each result, in order.
    pub results: &'a [LabResult],
}

/// A folder for results.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it where it is not there: what can't be written must not cost a run.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("the folder {} can't be made", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a result: NAME.json, its tables, NAME.html.
    ///
    /// # Errors
    /// Where that can't be written.
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

    /// Writes all of them together: lab.json and report.html.
    ///
    /// # Errors
    /// Where that can't be written.
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

    /// Writes a file.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn put(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.join(name);
        replace_file(&path, text).with_context(|| format!("{} can't be written", path.display()))
    }
}
