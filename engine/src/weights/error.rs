//! Errors in model files.

use thiserror::Error;

use super::tensor_type::UnknownTensorType;
use crate::bytes::BytesError;

/// Error in a model's files. The message names the file and, where known, the byte, key or tensor.
#[derive(Clone, Debug, Error, PartialEq)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum WeightsError {
    /// A range of a file could not be read.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    /// No file was given.
    #[error("no model file was given")]
    NoFiles,
    /// The file is empty.
    #[error("{file}: the file is empty (0 bytes)")]
    Empty { file: String },
    /// The files are not a model of a known format.
    #[error(
        "{file}: neither a GGUF file nor part of a Hugging Face folder with safetensors: {found}"
    )]
    UnknownFormat { file: String, found: String },
    /// The GGUF file is big-endian.
    #[error("{file}: big-endian GGUF (version {version}); only little-endian files can be read")]
    BigEndian { file: String, version: u32 },
    /// The GGUF version is neither 2 nor 3.
    #[error("{file}: GGUF version {version} (at byte 4); versions 2 and 3 can be read")]
    Version { file: String, version: u32 },
    /// The file ends inside an item.
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
    /// The file contains invalid bytes.
    #[error("{file}: corrupt at byte {offset}: {what}")]
    Corrupt {
        file: String,
        offset: u64,
        what: String,
    },
    /// The text is not JSON, or is JSON of the wrong structure.
    #[error("{file}: {what}")]
    Json {
        file: String,
        /// Description of the error, with line and column if they are known.
        what: String,
    },
    /// A metadata key or JSON key occurs twice.
    #[error("{file}: duplicate key {key}")]
    DuplicateKey { file: String, key: String },
    /// A tensor occurs twice.
    #[error("{file}: duplicate tensor {tensor}")]
    DuplicateTensor { file: String, tensor: String },
    /// Two tensors share bytes.
    #[error("{file}: tensors {first} and {second} overlap at byte {offset}")]
    Overlap {
        file: String,
        first: String,
        second: String,
        /// Offset of the second tensor in the file, in bytes.
        offset: u64,
    },
    /// The type of a tensor is not supported.
    #[error("{file}: tensor {tensor} has {found}")]
    TensorType {
        file: String,
        tensor: String,
        found: UnknownTensorType,
    },
    /// The file has a tensor that a Llama does not have. Ignoring it would give wrong results.
    #[error("{file}: tensor {tensor} is not part of a Llama")]
    UnknownTensor { file: String, tensor: String },
    /// A tensor that a Llama needs is missing.
    #[error("{file}: tensor {tensor} is missing ({why})")]
    MissingTensor {
        file: String,
        tensor: String,
        why: String,
    },
    /// The shape of a tensor does not match the configuration.
    #[error(
        "{file}: tensor {tensor} should have the shape {expected:?} (rows, columns) by the configuration, but has {found:?}"
    )]
    Shape {
        file: String,
        tensor: String,
        expected: Vec<usize>,
        found: Vec<usize>,
    },
    /// The model's architecture is not Llama.
    #[error(
        "{file}: the architecture is {found}; only Llama (GGUF llama, LlamaForCausalLM) is supported"
    )]
    Architecture { file: String, found: String },
    /// The model needs a feature that is not supported.
    #[error("{file}: {what} is not supported")]
    Unsupported { file: String, what: String },
    /// A required configuration key is missing.
    #[error("{file}: key {key} is missing")]
    MissingKey { file: String, key: String },
    /// A configuration value has the wrong type.
    #[error("{file}: key {key} should be {expected}, but is {found}")]
    WrongType {
        file: String,
        key: String,
        expected: &'static str,
        found: String,
    },
    /// A configuration value is impossible.
    #[error("{file}: invalid configuration: {what}")]
    Config { file: String, what: String },
    /// A required file of the folder is missing.
    #[error("the file {file} is missing ({why})")]
    MissingFile { file: String, why: String },
    /// The files belong to more than one model.
    #[error("more than one model was given: {0}")]
    Ambiguous(String),
    /// The files have no tokenizer.
    #[error("{file}: no tokenizer: {what}")]
    MissingTokenizer { file: String, what: String },
    /// The checkpoint has no tensor of this name.
    #[error("the model has no tensor {0}")]
    NoSuchTensor(String),
    /// The number of bytes or values does not match the tensor type.
    #[error("{tensor_type}: {what}")]
    BlockSize {
        tensor_type: &'static str,
        what: String,
    },
}
