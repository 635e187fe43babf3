//! The bodies of the fuzz targets, in the crate so that an ordinary test can replay their corpus.
//!
//! Neither function may panic, whatever the bytes are, and every file that opens must be readable.

use futures::future::FutureExt;

use super::testing::{config_json, tiny_config};
use super::{Checkpoint, TensorName, WeightsError};
use crate::bytes::{ByteSource, MemorySource};

/// Opens `data` as a GGUF file and reads its tensors.
///
/// # Errors
/// Returns what is wrong with the file.
///
/// # Panics
/// Panics if the reader accepts a file that it can't read, which is what the fuzzer looks for.
pub fn gguf(data: &[u8]) -> Result<(), WeightsError> {
    read_all(vec![Box::new(MemorySource::new("fuzz.gguf", data))])
}

/// Opens `data` as the safetensors file of a model configured as [`tiny_config`] and reads its tensors.
///
/// # Errors
/// Returns what is wrong with the file.
///
/// # Panics
/// Panics for the same reason as [`gguf`].
pub fn safetensors(data: &[u8]) -> Result<(), WeightsError> {
    let config = config_json(&tiny_config()).to_string();
    read_all(vec![
        Box::new(MemorySource::new("config.json", config)),
        Box::new(MemorySource::new("tokenizer.json", "{}")),
        Box::new(MemorySource::new("model.safetensors", data)),
    ])
}

fn read_all(files: Vec<Box<dyn ByteSource>>) -> Result<(), WeightsError> {
    let available: u64 = files.iter().map(|file| file.len()).sum();
    let ready = "memory is always ready";
    let checkpoint = Checkpoint::open(files).now_or_never().expect(ready)?;
    assert!(
        checkpoint.total_bytes() <= available,
        "tensors larger than the file"
    );
    let names: Vec<TensorName> = checkpoint.tensors().map(|tensor| tensor.name).collect();
    for name in names {
        let values = checkpoint.read_f32(name).now_or_never().expect(ready)?;
        let elements = checkpoint.tensor(name).map(|tensor| tensor.elements());
        assert_eq!(Some(values.len() as u64), elements, "{name}");
    }
    Ok(())
}
