//! Helpers of the load client's tests.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{command, stderr};

/// Output of the command and the folder with its result files.
pub struct Loaded {
    pub output: Output,
    pub out: TempDir,
}

impl Loaded {
    pub fn run(url: &str, words: &[&str]) -> Self {
        let out = tempfile::tempdir().expect("a folder");
        let folder = out.path().to_string_lossy().into_owned();
        let own = ["load", "--url", url, "--out", &folder];
        let output = command(&[&own[..], words].concat()).output();
        Self {
            output: output.expect("runs"),
            out,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        let said = stderr(&self.output);
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}; {said}"))
    }

    pub fn result(&self, qps: &str) -> Value {
        serde_json::from_str(&self.text(&format!("result_{qps}_x.json"))).expect("JSON")
    }

    #[track_caller]
    pub fn ends_with(&self, status: i32) {
        let said = stderr(&self.output);
        assert_eq!(self.output.status.code(), Some(status), "{said}");
    }
}

/// Returns a number of a result.
pub fn ms(figures: &Value, path: &str) -> f64 {
    let value = figures.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no {path} in {figures}"))
}
