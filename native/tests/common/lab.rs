//! Helpers of the lab's tests: running the command and checking its result.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use llamaglass_lab::LabResult;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{family_arg, run, stderr, stdout};
use crate::schema::violations;

/// A committed model with a tokenizer and a chat template.
pub const MODEL: &str = "llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";

/// Result of a `lab` command.
pub struct Ran {
    /// Result from stdout.
    pub result: Value,
    /// Folder with the result files.
    pub folder: TempDir,
}

/// Returns the committed schema of results.
pub fn schema() -> Value {
    let text = std::fs::read_to_string("../docs/lab-result.schema.json").expect("the schema");
    serde_json::from_str(&text).expect("the schema is JSON")
}

/// Runs `lab` with `words` on [`MODEL`], and checks everything that holds for every result.
pub fn lab(name: &str, words: &[&str]) -> Ran {
    let model = family_arg(MODEL);
    lab_on(&[&[name, &model], words].concat())
}

/// Lock for measurements: tests run in parallel and would disturb each other's figures.
pub static ALONE: Mutex<()> = Mutex::new(());

/// Runs `lab` as [`lab`] does; `words` begin with the experiment and include the model.
pub fn lab_on(words: &[&str]) -> Ran {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let all = [&["lab"], words, &["--json", "--out", &out]].concat();
    let output = run(&all);
    assert!(output.status.success(), "{all:?}: {}", stderr(&output));
    let text = stdout(&output);
    let result: Value = serde_json::from_str(&text).expect("only JSON on stdout");
    check(&result);
    let name = words[0];
    assert_eq!(result["experiment"], name);
    let file = read(folder.path(), &format!("{name}.json"));
    let file: Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(file, result, "the file has what was printed");
    let html = read(folder.path(), &format!("{name}.html"));
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("</html>"));
    for elsewhere in ["<script", "src=\"http", "href=\"http", "NaN"] {
        assert!(!html.contains(elsewhere), "{elsewhere} in {name}.html");
    }
    // The report contains the first finding.
    let finding = result["findings"][0]["text"].as_str().expect("a finding");
    let escaped = finding.replace('&', "&amp;").replace('\'', "&#39;");
    assert!(html.contains(&escaped), "{escaped}");
    Ran { result, folder }
}

/// Checks a result against the schema, and every number in its findings against the result.
pub fn check(result: &Value) {
    assert_eq!(violations(&schema(), result), None);
    let parsed: LabResult = serde_json::from_value(result.clone()).expect("a result");
    for finding in &parsed.findings {
        check_finding(result, &serde_json::to_value(finding).expect("JSON"));
    }
}

/// Checks that each number of a finding is in `root` at the place that it names.
pub fn check_finding(root: &Value, finding: &Value) {
    let text = finding["text"].as_str().expect("a text");
    for number in finding["numbers"].as_array().expect("numbers") {
        let pointer = number["pointer"].as_str().expect("a pointer");
        let there = root.pointer(pointer).and_then(Value::as_f64);
        assert_eq!(there, number["value"].as_f64(), "{pointer} of {text:?}");
        let shown = number["shown"].as_str().expect("a text");
        assert!(text.contains(shown), "{shown} in {text:?}");
    }
}

/// Reads a file in a folder.
pub fn read(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns a number of a result.
pub fn number(result: &Value, pointer: &str) -> f64 {
    let found = result.pointer(pointer).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("{pointer} is no number of {result:#}"))
}

/// Checks that two numbers are equal within rounding errors.
pub fn close(a: f64, b: f64, what: &str) {
    assert!(
        (a - b).abs() <= 1e-9 * b.abs().max(1.0),
        "{what}: {a}, not {b}"
    );
}
