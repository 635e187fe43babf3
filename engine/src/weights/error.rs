//! What can be wrong with model files.

use thiserror::Error;

use super::tensor_type::UnknownTensorType;
use crate::bytes::BytesError;

/// What is wrong with a model's files, and where.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WeightsError {
    /// A range of a file could not be read.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    /// There is nothing to open.
    #[error("no model file was given")]
    NoFiles,
    /// A file has no bytes.
    #[error("{file}: the file is empty (0 bytes)")]
    Empty {
        /// The file.
        file: String,
    },
    /// The files are no model that we know.
    #[error(
        "{file}: neither a GGUF file nor part of a Hugging Face folder with safetensors: {found}"
    )]
    UnknownFormat {
        /// The file.
        file: String,
        /// What was found instead.
        found: String,
    },
    /// A big-endian GGUF.
    #[error("{file}: big-endian GGUF (version {version}); only little-endian files can be read")]
    BigEndian {
        /// The file.
        file: String,
        /// The version, read in the file's own byte order.
        version: u32,
    },
    /// A GGUF version other than 2 and 3.
    #[error("{file}: GGUF version {version} (at byte 4); versions 2 and 3 can be read")]
    Version {
        /// The file.
        file: String,
        /// The version.
        version: u32,
    },
    /// The file ends inside something.
    #[error(
        "{file}: truncated or corrupt: {what} at byte {offset} needs {wanted} bytes, but the file has {len}"
    )]
    Truncated {
        /// The file.
        file: String,
        /// What was being read.
        what: String,
        /// Where it begins, in bytes.
        offset: u64,
        /// How many bytes it needs.
        wanted: u64,
        /// How many bytes the file has.
        len: u64,
    },
    /// Bytes that mean nothing here.
    #[error("{file}: corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The file.
        file: String,
        /// Where, in bytes.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Text that is no JSON, or JSON of the wrong form.
    #[error("{file}: {what}")]
    Json {
        /// The file.
        file: String,
        /// What is wrong, with line and column where they are known.
        what: String,
    },
    /// A metadata key or JSON key that is there twice.
    #[error("{file}: duplicate key {key}")]
    DuplicateKey {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// A tensor that is there twice.
    #[error("{file}: duplicate tensor {tensor}")]
    DuplicateTensor {
        /// The file with the second one.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// Two tensors that share bytes.
    #[error("{file}: tensors {first} and {second} overlap at byte {offset}")]
    Overlap {
        /// The file.
        file: String,
        /// The tensor that begins first.
        first: String,
        /// The tensor that begins inside it.
        second: String,
        /// Where the second begins, in bytes of the file.
        offset: u64,
    },
    /// A tensor whose type can't be read.
    #[error("{file}: tensor {tensor} has {found}")]
    TensorType {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its type.
        found: UnknownTensorType,
    },
    /// A tensor that a Llama does not have: leaving it out would give wrong answers.
    #[error("{file}: tensor {tensor} is no part of a Llama")]
    UnknownTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor that a Llama must have.
    #[error("{file}: tensor {tensor} is missing ({why})")]
    MissingTensor {
        /// The file that should have it.
        file: String,
        /// The tensor.
        tensor: String,
        /// Why it is needed.
        why: String,
    },
    /// A tensor of another shape than the configuration says.
    #[error(
        "{file}: tensor {tensor} should be {expected:?} by the configuration, but is {found:?} (rows, columns)"
    )]
    Shape {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What the configuration says.
        expected: Vec<usize>,
        /// What the file has.
        found: Vec<usize>,
    },
    /// A model of another kind.
    #[error(
        "{file}: the architecture is {found}; only Llama (GGUF llama, LlamaForCausalLM) is supported"
    )]
    Architecture {
        /// The file.
        file: String,
        /// Its name in the file.
        found: String,
    },
    /// A feature that is not supported.
    #[error("{file}: {what} is not supported")]
    Unsupported {
        /// The file.
        file: String,
        /// The feature.
        what: String,
    },
    /// A configuration key that must be there.
    #[error("{file}: key {key} is missing")]
    MissingKey {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// A configuration value of the wrong type.
    #[error("{file}: key {key} should be {expected}, but is {found}")]
    WrongType {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A configuration that no model can have.
    #[error("{file}: absurd configuration: {what}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A file of a folder that must be there.
    #[error("the file {file} is missing ({why})")]
    MissingFile {
        /// The file.
        file: String,
        /// Why it is needed.
        why: String,
    },
    /// Files of which only one may be there.
    #[error("more than one model was given: {0}")]
    Ambiguous(String),
    /// There is no tokenizer.
    #[error("{file}: no tokenizer: {what}")]
    MissingTokenizer {
        /// The file.
        file: String,
        /// What is missing.
        what: String,
    },
    /// The checkpoint has no such tensor.
    #[error("the model has no tensor {0}")]
    NoSuchTensor(String),
    /// Bytes or values whose number does not fit the type.
    #[error("{tensor_type}: {what}")]
    BlockSize {
        /// The type's name.
        tensor_type: &'static str,
        /// What does not fit.
        what: String,
    },
}
