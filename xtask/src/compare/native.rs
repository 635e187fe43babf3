//! The native programs: `llamaglass bench`, and scripts around llama.cpp in `bench/compare/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::rounds::{Case, Program, Rates, Reading, Run};
use crate::command;
use crate::setup::llama_cpp::NodeLlamaCpp;

/// Script that measures llama.cpp through node-llama-cpp, relative to the checkout.
pub const NODE_SCRIPT: &str = "bench/compare/node-llama-cpp.mjs";
/// Script that measures llama.cpp through llama-cpp-python, relative to the checkout.
pub const PYTHON_SCRIPT: &str = "bench/compare/llama-cpp-python.py";

/// `llamaglass bench` on the CPU.
pub struct Llamaglass {
    /// Path of the program.
    pub program: PathBuf,
    /// Arguments that are added to those of the case.
    pub extra: Vec<String>,
}

impl Program for Llamaglass {
    fn name(&self) -> &str {
        "llamaglass"
    }

    fn measure(&mut self, case: &Case) -> Result<Run> {
        let mut bench = Command::new(&self.program);
        bench
            .arg("bench")
            .arg(&case.model)
            .args([
                "--backend",
                "cpu",
                "--warmup",
                "1",
                "--repeat",
                "1",
                "--json",
            ])
            .args(["--prompt-tokens", &case.prompt_tokens.to_string()])
            .args(["--gen-tokens", &case.gen_tokens.to_string()])
            .args(["--threads", &case.threads.to_string()])
            .args(&self.extra);
        parse_bench(&command::output(&mut bench)?)
    }
}

/// Reads the result of `llamaglass bench --json`, which the page's Benchmark offers, too.
pub fn parse_bench(text: &str) -> Result<Run> {
    let report: Value = serde_json::from_str(text)
        .with_context(|| format!("llamaglass bench printed no JSON:\n{text}"))?;
    let run = &report["runs"][0];
    let rates = Rates::deserialize(run)
        .with_context(|| format!("llamaglass bench reported no rates: {run}"))?;
    let word = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let build = format!(
        "path {}, {}, activations {}",
        word(&report["path"]),
        word(&report["instruction_set"]),
        word(&report["settings"]["activations"])
    );
    Ok(Run {
        build,
        threads: report["threads"].as_u64().map(|threads| threads as usize),
        readings: vec![Reading {
            clock: "wall clock",
            rates,
        }],
    })
}

/// llama.cpp through node-llama-cpp.
pub struct LlamaCpp {
    /// The package.
    pub installed: NodeLlamaCpp,
    /// Path of the script.
    pub script: PathBuf,
    /// Build of the CPU backend; `None` lets llama.cpp choose.
    pub build: Option<String>,
}

impl Program for LlamaCpp {
    fn name(&self) -> &str {
        "node-llama-cpp"
    }

    fn measure(&mut self, case: &Case) -> Result<Run> {
        let mut node = Command::new("node");
        node.env("NODE_LLAMA_CPP", &self.installed.folder);
        let text = command::output(script(&mut node, &self.script, case).args(&self.build))?;
        parse_script(&text)
    }
}

/// llama.cpp through llama-cpp-python, which the user has installed.
pub struct LlamaCppPython {
    /// Path of the interpreter.
    pub python: PathBuf,
    /// Path of the script.
    pub script: PathBuf,
}

impl Program for LlamaCppPython {
    fn name(&self) -> &str {
        "llama-cpp-python"
    }

    fn measure(&mut self, case: &Case) -> Result<Run> {
        let mut python = Command::new(&self.python);
        let text = command::output(script(&mut python, &self.script, case))?;
        parse_script(&text)
    }
}

/// Adds the script and the case to the interpreter's arguments.
fn script<'a>(interpreter: &'a mut Command, script: &Path, case: &Case) -> &'a mut Command {
    let numbers = [case.threads, case.prompt_tokens, case.gen_tokens];
    interpreter
        .arg(script)
        .arg(&case.model)
        .args(numbers.map(|number| number.to_string()))
}

/// Output of the scripts.
#[derive(Deserialize)]
pub struct ScriptOutput {
    version: String,
    build: String,
    threads: usize,
    own: Rates,
    wall: Rates,
}

/// Reads the output of one of the scripts.
pub fn parse_script(text: &str) -> Result<Run> {
    // Some versions of llama.cpp print lines of their own before.
    let line = text.trim().lines().next_back().unwrap_or_default();
    let output: ScriptOutput = serde_json::from_str(line)
        .with_context(|| format!("the script printed no figures:\n{text}"))?;
    Ok(Run {
        build: format!("{}, {}", output.version, output.build),
        threads: Some(output.threads),
        readings: vec![
            Reading {
                clock: "own clock",
                rates: output.own,
            },
            Reading {
                clock: "wall clock",
                rates: output.wall,
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_script_reads_the_last_line() {
        let text = "load_backend: loaded\n{\"version\":\"1.0\",\"build\":\"zen4\",\"threads\":2,\
            \"own\":{\"prefill_tok_s\":2.0,\"decode_tok_s\":1.5},\"wall\":{\"prefill_tok_s\":1.0,\"decode_tok_s\":0.5}}\n";
        let run = parse_script(text).expect("figures");
        assert_eq!(run.build, "1.0, zen4");
        assert_eq!(run.threads, Some(2));
        let decode: Vec<f64> = run
            .readings
            .iter()
            .map(|reading| reading.rates.decode_tok_s)
            .collect();
        assert_eq!(decode, [1.5, 0.5]);
        assert!(parse_script("no figures").is_err());
    }

    #[test]
    fn parse_bench_reads_rates_and_build() {
        let text = r#"{"path": "fast", "instruction_set": "avx2", "threads": 2, "settings": {"activations": "f32"},
            "runs": [{"prefill_tok_s": 3.0, "decode_tok_s": 2.0, "ttft_ms": 1.0}]}"#;
        let run = parse_bench(text).expect("figures");
        assert_eq!(run.build, "path fast, avx2, activations f32");
        assert_eq!(run.readings[0].rates.prefill_tok_s, 3.0);
        assert!(parse_bench(r#"{"runs": []}"#).is_err());
    }
}
