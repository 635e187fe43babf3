//! Results of a parity run, for people and as JSON.

use std::fmt::Write;

use llamaglass_engine::BackendInfo;
use llamaglass_runner::parity::{CaseResult, Kind, Report};
use serde::{Deserialize, Serialize};

use crate::load::backend_line;

/// Incremented when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

/// Results of all compared models.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParityReport {
    /// Version of this structure.
    pub schema_version: u32,
    /// True if every case of every model agrees.
    pub pass: bool,
    /// One report per model.
    pub models: Vec<ModelReport>,
}

impl Default for ParityReport {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            pass: false,
            models: Vec::new(),
        }
    }
}

/// Results of one model.
#[derive(Debug, Serialize, Deserialize)]
pub struct ModelReport {
    pub model: String,
    /// File or folder of the model.
    pub file: String,
    /// Backend that ran the model; `None` if the run did not get that far.
    pub backend: Option<BackendInfo>,
    /// True if there were cases and all of them agree.
    pub pass: bool,
    /// Number of cases that agree.
    pub passed: usize,
    /// Number of cases that don't agree.
    pub failed: usize,
    /// Reason why nothing could be compared.
    pub error: Option<String>,
    /// Results of the cases.
    #[serde(flatten)]
    pub report: Report,
}

impl ModelReport {
    /// Creates the report of a run.
    pub fn new(model: &str, file: &str, backend: &BackendInfo, report: Report) -> Self {
        let (passed, failed) = report.count(None);
        Self {
            model: model.to_owned(),
            file: file.to_owned(),
            backend: Some(backend.clone()),
            pass: report.passes(),
            passed,
            failed,
            error: (passed + failed == 0).then(|| "no case was found".to_owned()),
            report,
        }
    }

    /// Creates the report of a model that could not be run.
    pub fn failed(file: &str, error: &anyhow::Error) -> Self {
        Self {
            model: file.to_owned(),
            file: file.to_owned(),
            backend: None,
            pass: false,
            passed: 0,
            failed: 0,
            error: Some(format!("{error:#}")),
            report: Report::default(),
        }
    }
}

/// Returns one line per case, followed by one line per disagreement.
pub fn case_line(case: &CaseResult) -> String {
    let verdict = if case.pass { "pass" } else { "FAIL" };
    let mut line = format!("{verdict}  {:<12} {}", case.kind.name(), case.name);
    for figure in &case.figures {
        let value = number(figure.value);
        let _infallible = match figure.limit {
            Some(limit) => write!(line, "  {} {value} (max {})", figure.name, number(limit)),
            None => write!(line, "  {} {value}", figure.name),
        };
    }
    for failure in &case.failures {
        let _infallible = write!(line, "\n        {failure}");
    }
    line
}

/// Formats whole numbers below 1e9 as they are, 0.01 to 1e4 with four decimals, and others in exponent form.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        format!("{value}")
    } else if (0.01..1e4).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

/// Returns a model's counts by kind, the absent files, and the verdict.
pub fn summary(model: &ModelReport) -> String {
    let mut out = String::from("\n");
    for kind in Kind::ALL {
        let (passed, failed) = model.report.count(Some(kind));
        if passed + failed == 0 {
            continue;
        }
        let _infallible = write!(out, "{:<13}{passed} of {}", kind.name(), passed + failed);
        for figure in [
            "max_diff",
            "max_diff_top",
            "logsumexp_diff",
            "nll_relative_diff",
            "misses",
        ] {
            if let Some(worst) = model.report.worst(kind, figure) {
                let _infallible = write!(out, ", worst {figure} {}", number(worst));
            }
        }
        out.push('\n');
    }
    if !model.report.absent.is_empty() {
        let absent = model.report.absent.join(", ");
        let _infallible = writeln!(out, "absent       {absent} (not compared)");
    }
    for note in &model.report.notes {
        let _infallible = writeln!(out, "note         {note}");
    }
    if let Some(error) = &model.error {
        let _infallible = writeln!(out, "error        {error}");
    }
    if let Some(backend) = &model.backend {
        let _infallible = writeln!(out, "backend      {}", backend_line(backend));
    }
    let verdict = if model.pass { "PASS" } else { "FAIL" };
    let _infallible = writeln!(
        out,
        "{verdict}  {}: {} passed, {} failed\n",
        model.file, model.passed, model.failed
    );
    out
}
