//! Behaviour at the machine's limits: too little memory for a model, and a full disk.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/fake.rs"]
mod fake;

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use common::{args, run, shape_arg, stderr, stdout, tiny_shape};
use fake::{Behaviour, Fake};
use serde_json::Value;

/// Runs `llamaglass` with `words` in a shell after the commands in `limit`.
fn run_under(limit: &str, words: &[&str]) -> Output {
    let program = assert_cmd::cargo::cargo_bin("llamaglass");
    let mut shell = Command::new("sh");
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(program).args(words);
    shell.output().expect("runs")
}

/// Shell commands that limit files to 512 bytes: longer writes fail as on a full disk.
const FULL_DISK: &str = "trap '' XFSZ; ulimit -f 1";

/// Creates a folder with the config.json of a model with matrices of 3 GB.
fn large_shape() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": 300, "hidden_size": 64, "intermediate_size": 12_000_000, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": false
    });
    std::fs::write(folder.path().join("config.json"), config.to_string()).expect("writes");
    folder
}

#[test]
fn model_larger_than_memory_is_refused() {
    let shape = large_shape();
    let shape = shape.path().join("config.json");
    let shape = shape.to_string_lossy();
    let model = ["--random-weights", &*shape, "--backend", "cpu"];
    let words = [&["chat"], &model[..], &["--prompt", "Hi"]].concat();
    let output = run_under("ulimit -v 4000000", &words);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the model needs "), "{said}");
    assert!(said.contains("are available"), "{said}");
    // `inspect` agrees.
    let words = [&["inspect", "--json"], &model[..]].concat();
    let facts = stdout(&run_under("ulimit -v 4000000", &words));
    let facts: Value = serde_json::from_str(&facts).expect("JSON");
    assert_eq!(facts["fit"]["fits"], false, "{facts}");
}

#[test]
fn full_disk_keeps_earlier_load_result() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 1,
        each_ms: 1,
    });
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy();
    let url = fake.url();
    let more = "--qps 10 --duration 0.3 --no-self-test";
    let words = args(&["load", "--url", &url, "--out", &out], more);
    let output = run(&words);
    assert!(output.status.success(), "{}", stderr(&output));
    check_full_disk(&words, folder.path(), "result_10_x.json");
}

#[test]
fn full_disk_keeps_earlier_lab_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy();
    let shape = tiny_shape();
    let shape = shape_arg(&shape);
    let more = "--take 4 --ms-per-token 27 --qps 0.625";
    let words = args(
        &["lab", "simulate", "--random-weights", &shape, "--out", &out],
        more,
    );
    let output = run(&words);
    assert!(output.status.success(), "{}", stderr(&output));
    check_full_disk(&words, folder.path(), "simulate.json");
}

/// Checks that `words` fail on a full disk and leave the file `name` and its folder as they were.
#[track_caller]
fn check_full_disk(words: &[&str], folder: &Path, name: &str) {
    let read = || std::fs::read_to_string(folder.join(name)).expect(name);
    let files = || std::fs::read_dir(folder).expect("a folder").count();
    let before = (read(), files());
    let output = run_under(FULL_DISK, words);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(name), "{said}");
    assert_eq!((read(), files()), before);
}
