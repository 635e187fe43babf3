//! Errors in model files.

use thiserror::Error;

use super::tensor_type::UnknownTensorType;
use crate::bytes::BytesError;

/// Error in a model's files. The message names the file and, where known, the byte, key or tensor.
#[derive(Clone, Debug, Error, PartialEq)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum WeightsError {
    /// A range of a file could not be read.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    #[error("no model file was given")]
    NoFiles,
    #[error("{file}: the file is empty (0 bytes)")]
    Empty { file: String },
    #[error(
        "{file}: neither a GGUF file nor part of a Hugging Face folder with safetensors: {found}"
    )]
    UnknownFormat { file: String, found: String },
    #[error("{file}: big-endian GGUF (version {version}); only little-endian files can be read")]
    BigEndian { file: String, version: u32 },
    #[error("{file}: GGUF version {version} (at byte 4); versions 2 and 3 can be read")]
    Version { file: String, version: u32 },
    #[error(
        "{file}: truncated or corrupt: {what} at byte {offset} needs {wanted} bytes, but the file has {len}"
    )]
    Truncated {
        file: String,
        what: String,
        /// Offset of the item in bytes.
        offset: u64,
        wanted: u64,
        /// Size of the file in bytes.
        len: u64,
    },
    #[error("{file}: corrupt at byte {offset}: {what}")]
    Corrupt {
        file: String,
        offset: u64,
        what: String,
    },
    #[error("{file}: {what}")]
    Json {
        file: String,
        /// Description of the error, with line and column if they are known.
        what: String,
    },
    #[error("{file}: duplicate key {key}")]
    DuplicateKey { file: String, key: String },
    #[error("{file}: duplicate tensor {tensor}")]
    DuplicateTensor { file: String, tensor: String },
    #[error("{file}: tensors {first} and {second} overlap at byte {offset}")]
    Overlap {
        file: String,
        first: String,
        second: String,
        /// Offset of the second tensor in the file, in bytes.
        offset: u64,
    },
    #[error("{file}: tensor {tensor} has {found}")]
    TensorType {
        file: String,
        tensor: String,
        found: UnknownTensorType,
    },
    /// The file has a tensor that a Llama does not have. Ignoring it would give wrong results.
    #[error("{file}: tensor {tensor} is not part of a Llama")]
    UnknownTensor { file: String, tensor: String },
    #[error("{file}: tensor {tensor} is missing ({why})")]
    MissingTensor {
        file: String,
        tensor: String,
        why: String,
    },
    #[error(
        "{file}: tensor {tensor} should have the shape {expected:?} (rows, columns) by the configuration, but has {found:?}"
    )]
    Shape {
        file: String,
        tensor: String,
        expected: Vec<usize>,
        found: Vec<usize>,
    },
    #[error(
        "{file}: the architecture is {found}; only Llama (GGUF llama, LlamaForCausalLM) is supported"
    )]
    Architecture { file: String, found: String },
    #[error("{file}: {what} is not supported")]
    Unsupported { file: String, what: String },
    #[error("{file}: key {key} is missing")]
    MissingKey { file: String, key: String },
    #[error("{file}: key {key} should be {expected}, but is {found}")]
    WrongType {
        file: String,
        key: String,
        expected: &'static str,
        found: String,
    },
    #[error("{file}: invalid configuration: {what}")]
    Config { file: String, what: String },
    #[error("the file {file} is missing ({why})")]
    MissingFile { file: String, why: String },
    #[error("more than one model was given: {0}")]
    Ambiguous(String),
    #[error("{file}: no tokenizer: {what}")]
    MissingTokenizer { file: String, what: String },
    #[error("the model has no tensor {0}")]
    NoSuchTensor(String),
    #[error("{tensor_type}: {what}")]
    BlockSize {
        tensor_type: &'static str,
        what: String,
    },
}
