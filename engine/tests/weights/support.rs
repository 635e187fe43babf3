//! Opens test data and files in memory.

use std::path::{Path, PathBuf};

use llamaglass_engine::bytes::{ByteSource, FileSource, MemorySource};
use llamaglass_engine::weights::{Checkpoint, WeightsError};

pub fn data(path: &str) -> PathBuf {
    Path::new("tests/data").join(path)
}

/// Returns all files of a folder, without its sub-folders.
pub fn folder(path: &str) -> Vec<Box<dyn ByteSource>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data(path))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
        .iter()
        .map(|path| Box::new(FileSource::open(path).unwrap()) as Box<dyn ByteSource>)
        .collect()
}

/// Opens files that are in memory.
pub fn open(files: &[(&str, &[u8])]) -> Result<Checkpoint, WeightsError> {
    let sources = files
        .iter()
        .map(|&(name, bytes)| Box::new(MemorySource::new(name, bytes)) as Box<dyn ByteSource>);
    pollster::block_on(Checkpoint::open(sources.collect()))
}

/// Opens a GGUF file that is in memory.
pub fn open_gguf(bytes: &[u8]) -> Result<Checkpoint, WeightsError> {
    open(&[("m.gguf", bytes)])
}

/// Asserts that opening failed with an error that contains all `parts`.
pub fn assert_error(opened: Result<Checkpoint, WeightsError>, parts: &[&str]) {
    let message = opened.expect_err(parts[0]).to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().as_chunks::<2>().0;
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}
