//! Replays the fuzz corpus on a stable compiler, through the functions that the fuzz targets run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use llamaglass_engine::weights::testing::seeds;
use llamaglass_engine::weights::{WeightsError, fuzz};

fn corpus(target: &str) -> PathBuf {
    Path::new("../fuzz/corpus").join(target)
}

/// Every file of a target: those called good open, those called bad are refused, none panics.
fn replay(target: &str, run: fn(&[u8]) -> Result<(), WeightsError>) {
    let mut count = 0;
    for entry in std::fs::read_dir(corpus(target)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let result = run(&std::fs::read(&path).unwrap());
        if name.starts_with("good") {
            assert_eq!(result, Ok(()), "{target}/{name}");
        } else if name.starts_with("bad") {
            let message = result.expect_err(&name).to_string();
            assert!(!message.is_empty(), "{target}/{name}");
        }
        count += 1;
    }
    assert!(count >= 10, "only {count} files in the corpus of {target}");
}

#[test]
fn gguf() {
    replay("gguf", fuzz::gguf);
}

#[test]
fn safetensors() {
    replay("safetensors", fuzz::safetensors);
}

/// The seeds are what `cargo run --manifest-path fuzz/Cargo.toml --example seeds` writes.
#[test]
fn committed_seeds_are_current() {
    for seed in seeds().unwrap() {
        let path = corpus(seed.target).join(&seed.name);
        let committed =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            committed == seed.bytes,
            "{} is not what the generator writes",
            path.display()
        );
    }
}
