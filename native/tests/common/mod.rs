//! Helpers of the command's tests: running the command, and the committed models and backends.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// Every backend of a native build; without an adapter, the tests for wgpu fail.
pub const BACKENDS: [&str; 2] = ["cpu", "wgpu"];

/// Returns the path of a file or folder of the committed tiny models.
pub fn family(path: &str) -> PathBuf {
    // Relative, because tests run in their package's folder; an absolute path from the build may be outdated.
    Path::new("../engine/tests/data/families").join(path)
}

/// Returns the same path as a flag's value.
pub fn family_arg(path: &str) -> String {
    family(path).to_string_lossy().into_owned()
}

/// The smallest committed GGUF.
pub const GGUF: &str = "llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
/// Its reference folder.
pub const GGUF_REFERENCE: &str = "llama-tied-gguf/reference";

/// Splits command-line arguments at spaces.
pub fn split(words: &str) -> Vec<&str> {
    words.split(' ').collect()
}

/// Returns the arguments `first`, followed by those in `words`, which are split at spaces.
pub fn args<'a>(first: &[&'a str], words: &'a str) -> Vec<&'a str> {
    [first, &split(words)].concat()
}

/// Runs `llamaglass` with `words` and returns its output, whatever the status.
pub fn run(words: &[&str]) -> Output {
    run_with_input(words, "")
}

/// Runs `llamaglass` with `words` and `input` on stdin.
pub fn run_with_input(words: &[&str], input: &str) -> Output {
    command(words).write_stdin(input).output().expect("runs")
}

/// Returns the command `llamaglass` with `words`.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::cargo_bin("llamaglass").expect("the command is built");
    command.args(words);
    command
}

/// Asserts that `text` contains `part`.
#[track_caller]
pub fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} in {text}");
}

/// Sends a signal, such as `-INT`, to a process.
#[cfg(unix)]
pub fn send_signal(child: &std::process::Child, signal: &str) {
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args([signal, &id])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Runs `llamaglass`, expects success and returns its stdout.
pub fn succeeds(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    stdout(&output)
}

/// Runs `llamaglass`, expects success and returns its stdout as one JSON value.
pub fn json(words: &[&str]) -> Value {
    let text = succeeds(words);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error} in {text}"))
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns a reference file of the committed models.
pub fn reference(path: &str) -> Value {
    let text = std::fs::read_to_string(family(path)).expect(path);
    serde_json::from_str(&text).expect(path)
}

/// Returns the case called `name` in a reference file.
pub fn case(path: &str, name: &str) -> Value {
    let file = reference(path);
    let cases = file["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["name"] == name);
    case.unwrap_or_else(|| panic!("{path} has no case {name}"))
        .clone()
}

/// Creates a folder with the config.json of a tiny shape without end-of-sequence ids.
pub fn tiny_shape() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": 300, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
        "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": false
    });
    std::fs::write(folder.path().join("config.json"), config.to_string()).expect("writes");
    folder
}

/// Returns the path of the shape's config.json as a flag's value.
pub fn shape_arg(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("config.json");
    file.to_string_lossy().into_owned()
}
